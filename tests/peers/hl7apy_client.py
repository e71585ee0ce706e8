"""Builds admissions with hl7apy and sends each on a connection of its own.

Prints what was sent and answered as one line of JSON.
"""

import argparse
import importlib.metadata
import json
import socket

import hl7
from hl7apy.core import Message

from hl7_client import said


def admission(number: int, trigger: str) -> Message:
    message = Message(f"ADT_{'A03' if trigger == 'A03' else 'A01'}", version="2.5.1")
    message.msh.msh_3 = "HL7APY"
    message.msh.msh_4 = "VWTEST"
    message.msh.msh_5 = "ENGINE"
    message.msh.msh_6 = "VWTEST"
    message.msh.msh_7 = "20260302080000"
    message.msh.msh_9 = f"ADT^{trigger}^{message.name}"
    message.msh.msh_10 = f"APY{number:05}"
    message.msh.msh_11 = "P"
    message.evn.evn_2 = "20260302080000"
    message.pid.pid_3 = f"SYN{number:06}^^^VWTEST^MR"
    message.pid.pid_5 = f"SYNTHETIC^PATIENT{number}"
    message.pid.pid_7 = "19700101"
    message.pid.pid_8 = "O"
    message.pv1.pv1_2 = "I"
    message.pv1.pv1_3 = "WARD^01^1"
    return message


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("server")
    parser.add_argument("port", type=int)
    parser.add_argument("--count", type=int, default=6)
    parser.add_argument("--first", type=int, default=1)
    chosen = parser.parse_args()
    done = []
    for number in range(chosen.first, chosen.first + chosen.count):
        trigger = ("A01", "A08", "A03", "A31")[number % 4]
        message = admission(number, trigger)
        with socket.create_connection((chosen.server, chosen.port)) as connection:
            connection.sendall(message.to_mllp().encode())
            reply = b""
            while not reply.endswith(b"\x1c\r"):
                part = connection.recv(4096)
                if not part:
                    break
                reply += part
        answer = hl7.parse(reply.decode().strip("\x0b\x1c\r") + "\r")
        done.append(said(hl7.parse(message.to_er7() + "\r"), answer))
    operation = {
        "protocol": "hl7",
        "tool": f"hl7apy {importlib.metadata.version('hl7apy')}",
        "server": f"{chosen.server}:{chosen.port}",
        "messages": done,
    }
    print(json.dumps(operation), flush=True)


if __name__ == "__main__":
    main()
