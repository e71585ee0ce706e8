"""An MLLP server made with python-hl7: acknowledges every message.

With --respond it is a pump gateway: orders (RGV) are accepted with CA, and the application's answer
(RRG) follows on a new connection to that address. With --refuse, orders above a rate are answered
with an error. Prints one line of JSON for each answer that it sent on a connection of its own.
"""

import argparse
import asyncio
import json

import hl7
from hl7.mllp import open_hl7_connection, start_hl7_server

from hl7_client import said

PROFILE = "IHE_PCD_PIV_001^IHE PCD^1.3.6.1.4.1.19376.1.6.1.3.2^ISO"


def answer(order, number: int, rate_max: float) -> str:
    """The RRG for an order."""
    head = order.segment("MSH")
    rate = float(str(order.segment("RXG")[15]))
    text = (
        f"MSH|^~\\&|{head[5]}|{head[6]}|{head[3]}|{head[4]}|20260302080001+0000||"
        f"RRG^O16^RRG_O16|RRG{number:05}|P|2.6|||AL|NE||UNICODE UTF-8|en^English^ISO639||{PROFILE}\r"
    )
    if rate > rate_max:
        return text + (
            f"MSA|AE|{head[10]}\r"
            "ERR|||207^Application internal error^HL70357|E|"
            "9014^Rate or VTBI exceeds maximum^IHE_PCD\r"
        )
    return text + f"MSA|AA|{head[10]}\r"


class Gateway:
    """Answers orders on connections of its own."""

    def __init__(self, respond: str, rate_max: float) -> None:
        self.host, port = respond.rsplit(":", 1)
        self.port = int(port)
        self.rate_max = rate_max
        self.number = 0
        self.tasks = set()

    def order(self, message) -> None:
        self.number += 1
        task = asyncio.create_task(self.respond(message, self.number))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def respond(self, order, number: int) -> None:
        await asyncio.sleep(0.3)
        message = hl7.parse(answer(order, number, self.rate_max))
        reader, writer = await open_hl7_connection(self.host, self.port, encoding="utf-8")
        writer.writemessage(message)
        await writer.drain()
        reply = await reader.readmessage()
        writer.close()
        out = said(message, reply)
        out["answers"] = str(message.segment("MSA")[2])
        out["result"] = str(message.segment("MSA")[1])
        operation = {
            "protocol": "hl7",
            "tool": f"python-hl7 {hl7.__version__}",
            "server": f"{self.host}:{self.port}",
            "messages": [out],
        }
        print(json.dumps(operation), flush=True)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--respond", metavar="HOST:PORT")
    parser.add_argument("--refuse", type=float, default=1e9, metavar="RATE")
    parser.add_argument("--reject", default="", help="a control id that is answered with AE")
    chosen = parser.parse_args()
    gateway = Gateway(chosen.respond, chosen.refuse) if chosen.respond else None

    async def serve(reader, writer) -> None:
        try:
            while not writer.is_closing():
                message = await reader.readmessage()
                kind = str(message.segment("MSH")[9])
                commit = len(message.segment("MSH")) > 16 and str(message.segment("MSH")[15])
                code = "CA" if commit else "AA"
                if chosen.reject and str(message.segment("MSH")[10]) == chosen.reject:
                    code = "AE"
                writer.writemessage(message.create_ack(ack_code=code))
                await writer.drain()
                if gateway and kind.startswith("RGV"):
                    gateway.order(message)
        except asyncio.IncompleteReadError:
            writer.close()

    server = await start_hl7_server(serve, port=chosen.port, encoding="utf-8", limit=1 << 22)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
