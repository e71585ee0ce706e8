"""Holds an HL7 connection and a DICOM association open, and says something on both every so often.

Says `steady` once both have answered; on SIGTERM it ends both in order and prints how often each was
answered, as one line of JSON.
"""

import argparse
import json
import signal
import time

import hl7
from hl7.client import MLLPClient
from pynetdicom import AE
from pynetdicom.sop_class import Verification

MESSAGE = (
    "MSH|^~\\&|STEADY|WARD|LAB|WARD|20260302080000||ADT^A08^ADT_A01|S{n}|P|2.5.1\r"
    "EVN|A08|20260302080000\rPID|1||STEADY7^^^WARD^MR||DOE^JANE\rPV1|1|I\r"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("server")
    parser.add_argument("hl7_port", type=int)
    parser.add_argument("dicom_port", type=int)
    parser.add_argument("--pause", type=float, default=0.05)
    chosen = parser.parse_args()
    told_to_end = []
    signal.signal(signal.SIGTERM, lambda *_: told_to_end.append(True))
    feed = MLLPClient(chosen.server, chosen.hl7_port)
    entity = AE(ae_title="STEADY")
    entity.add_requested_context(Verification)
    association = entity.associate(chosen.server, chosen.dicom_port, ae_title="PACS")
    assert association.is_established, "no association"
    count = 0
    while not told_to_end:
        reply = hl7.parse(feed.send_message(MESSAGE.format(n=count)).decode().strip("\x0b\x1c\r") + "\r")
        assert str(reply.segment("MSA")[2]) == f"S{count}", reply
        assert association.send_c_echo().Status == 0
        count += 1
        if count == 1:
            print("steady", flush=True)
        time.sleep(chosen.pause)
    association.release()
    feed.close()
    print(json.dumps({"each": count}), flush=True)


if __name__ == "__main__":
    main()
