"""Puts the frames of an Ethernet pcap file on an interface."""

import argparse
import socket
import struct
import time
from pathlib import Path

ORDERS = {
    b"\xd4\xc3\xb2\xa1": ("<", 1e6),
    b"\xa1\xb2\xc3\xd4": (">", 1e6),
    b"\x4d\x3c\xb2\xa1": ("<", 1e9),
    b"\xa1\xb2\x3c\x4d": (">", 1e9),
}


def frames(data: bytes):
    """The time and the bytes of each whole frame."""
    order, units = ORDERS[data[:4]]
    at = 24
    while at + 16 <= len(data):
        seconds, fraction, length, _ = struct.unpack_from(order + "IIII", data, at)
        yield seconds + fraction / units, data[at + 16 : at + 16 + length]
        at += 16 + length


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("interface")
    parser.add_argument("--speed", type=float, default=1.0, help="0: as fast as possible")
    chosen = parser.parse_args()
    sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sender.bind((chosen.interface, 0))
    begun, first = time.monotonic(), None
    for stamp, frame in frames(chosen.file.read_bytes()):
        first = stamp if first is None else first
        if chosen.speed > 0:
            due = begun + (stamp - first) / chosen.speed
            time.sleep(max(0.0, due - time.monotonic()))
        sender.send(frame)


if __name__ == "__main__":
    main()
