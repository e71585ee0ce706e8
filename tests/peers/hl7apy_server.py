"""An MLLP server made with hl7apy. It answers one message on each connection, then closes it."""

import argparse

from hl7apy.core import Message
from hl7apy.mllp import AbstractErrorHandler, AbstractHandler, MLLPServer
from hl7apy.parser import parse_message


def reply(text: str, code: str) -> str:
    asked = parse_message(text, find_groups=False)
    answer = Message("ACK", version="2.5.1")
    answer.msh.msh_3 = asked.msh.msh_5.value
    answer.msh.msh_4 = asked.msh.msh_6.value
    answer.msh.msh_5 = asked.msh.msh_3.value
    answer.msh.msh_6 = asked.msh.msh_4.value
    answer.msh.msh_9 = f"ACK^{asked.msh.msh_9.msh_9_2.value}^ACK"
    answer.msh.msh_10 = f"H{asked.msh.msh_10.value}"
    answer.msh.msh_11 = "P"
    answer.add_segment("MSA")
    answer.msa.msa_1 = code
    answer.msa.msa_2 = asked.msh.msh_10.value
    return answer.to_mllp()


class Accept(AbstractHandler):
    def reply(self) -> str:
        return reply(self.incoming_message, "AA")


class Refuse(AbstractErrorHandler):
    def reply(self) -> str:
        return reply(self.incoming_message, "AR")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    chosen = parser.parse_args()
    kinds = ["ADT^A01^ADT_A01", "ADT^A08^ADT_A01", "ADT^A03^ADT_A03", "ORU^R01^ORU_R01"]
    handlers = {kind: (Accept,) for kind in kinds}
    handlers["ERR"] = (Refuse,)
    MLLPServer("", chosen.port, handlers).serve_forever()


if __name__ == "__main__":
    main()
