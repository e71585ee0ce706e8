"""A radiology information system made with pynetdicom: worklist, procedure steps, commitment.

Prints one line of JSON for each association that it opens itself.
"""

import argparse
import json
import threading

import pynetdicom
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.presentation import build_role
from pynetdicom.sop_class import (
    ModalityPerformedProcedureStep,
    ModalityWorklistInformationFind,
    StorageCommitmentPushModel,
    Verification,
)

COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1.1"


def worklist(event):
    """Two invented patients that are to be scanned."""
    for number in (1, 2):
        found = Dataset()
        found.AccessionNumber = f"ACC{number:06}"
        found.PatientName = f"SYNTHETIC^PATIENT{number}"
        found.PatientID = f"SYN{number:06}"
        step = Dataset()
        step.Modality = "CT"
        step.ScheduledStationAETitle = "CT01"
        step.ScheduledProcedureStepStartDate = "20260302"
        found.ScheduledProcedureStepSequence = [step]
        yield 0xFF00, found


def report(transaction: str, references, peer: str, port: int) -> None:
    """Tells the modality, on a connection of its own, that its images are safe."""
    entity = AE(ae_title="RIS")
    entity.add_requested_context(StorageCommitmentPushModel)
    role = build_role(StorageCommitmentPushModel, scp_role=True)
    association = entity.associate(peer, port, ae_title="CT01", ext_neg=[role])
    dimse, results = {}, []
    if association.is_established:
        data = Dataset()
        data.TransactionUID = transaction
        data.ReferencedSOPSequence = references
        status, _ = association.send_n_event_report(
            data, 1, StorageCommitmentPushModel, COMMITMENT_INSTANCE
        )
        dimse = {"N-EVENT-REPORT-RQ": 1, "N-EVENT-REPORT-RSP": 1}
        results = [{"status": status.Status}]
        association.release()
    done = {
        "protocol": "dicom",
        "tool": f"pynetdicom {pynetdicom.__version__}",
        "action": "commitment report",
        "server": f"{peer}:{port}",
        "calling_ae": "RIS",
        "called_ae": "CT01",
        "association": "accepted" if dimse else "rejected",
        "dimse": dimse,
        "results": results,
    }
    print(json.dumps(done), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--title", default="RIS")
    parser.add_argument("--report-port", type=int, default=104)
    chosen = parser.parse_args()

    def action(event):
        asked = event.action_information
        peer = event.assoc.requestor.address
        later = threading.Timer(
            0.5,
            report,
            (asked.TransactionUID, asked.ReferencedSOPSequence, peer, chosen.report_port),
        )
        later.start()
        return 0x0000, None

    entity = AE(ae_title=chosen.title)
    entity.add_supported_context(Verification)
    entity.add_supported_context(ModalityWorklistInformationFind)
    entity.add_supported_context(ModalityPerformedProcedureStep)
    entity.add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=True)
    handlers = [
        (evt.EVT_C_FIND, worklist),
        (evt.EVT_N_CREATE, lambda event: (0x0000, event.attribute_list)),
        (evt.EVT_N_SET, lambda event: (0x0000, event.modification_list)),
        (evt.EVT_N_ACTION, action),
        (evt.EVT_N_EVENT_REPORT, lambda event: (0x0000, None)),
    ]
    entity.start_server(("", chosen.port), evt_handlers=handlers)


if __name__ == "__main__":
    main()
