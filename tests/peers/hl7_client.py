"""Sends HL7 messages with python-hl7's client, one after the other on one connection.

The messages are a JSON list of strings. Prints what was sent and answered as one line of JSON.
"""

import argparse
import json
import time
from pathlib import Path

import hl7
from hl7.client import MLLPClient


def order(message) -> dict:
    """What an order tells a pump."""
    give = message.segment("RXG")
    return {
        "order_id": str(message.segment("ORC")[2]),
        "vtbi": str(give[5]),
        "rate": str(give[15]),
        "rate_unit": str(give[16]),
        "drug": str(give[4]),
        "pump": str(message.segment("OBX")[18]),
    }


def said(message, reply) -> dict:
    """A message and its acknowledgement, as a test wants to know them."""
    head = message.segment("MSH")
    kind = str(head[9]).split("^")
    out = {
        "type": kind[0],
        "trigger": kind[1] if len(kind) > 1 else "",
        "control_id": str(head[10]),
        "version": str(head[12]),
        "segments": [str(segment[0]) for segment in message],
        "ack": str(reply.segment("MSA")[1]),
        "ack_control_id": str(reply.segment("MSH")[10]),
    }
    if kind[0] == "RGV":
        out["order"] = order(message)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("server")
    parser.add_argument("port", type=int)
    parser.add_argument("messages", type=Path)
    parser.add_argument("--pause", type=float, default=0.05)
    parser.add_argument("--reconnect", action="store_true", help="one connection for each message")
    chosen = parser.parse_args()
    done = []
    client = MLLPClient(chosen.server, chosen.port)
    for text in json.loads(chosen.messages.read_text()):
        reply = hl7.parse(client.send_message(text).decode().strip("\x0b\x1c\r") + "\r")
        done.append(said(hl7.parse(text), reply))
        time.sleep(chosen.pause)
        if chosen.reconnect:
            client.close()
            client = MLLPClient(chosen.server, chosen.port)
    client.close()
    operation = {
        "protocol": "hl7",
        "tool": f"python-hl7 {hl7.__version__}",
        "server": f"{chosen.server}:{chosen.port}",
        "messages": done,
    }
    print(json.dumps(operation), flush=True)


if __name__ == "__main__":
    main()
