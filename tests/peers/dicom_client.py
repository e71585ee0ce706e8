"""A DICOM client made with pynetdicom. Prints what it did as one line of JSON."""

import argparse
import json
from collections import Counter
from pathlib import Path

import pynetdicom
from pydicom import dcmread
from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.sop_class import (
    CTImageStorage,
    ModalityPerformedProcedureStep,
    ModalityWorklistInformationFind,
    MRImageStorage,
    StorageCommitmentPushModel,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)

ROOT = "1.2.826.0.1.3680043.9.7777.30"
COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1.1"


class Count(Counter):
    """Counts DIMSE messages by the names that the standard gives them."""

    def request(self, name: str, answers: int = 1) -> None:
        self[f"{name}-RQ"] += 1
        self[f"{name}-RSP"] += answers


def study_query(**keys: str) -> Dataset:
    query = Dataset()
    query.QueryRetrieveLevel = "STUDY"
    query.StudyInstanceUID = ""
    for name, value in keys.items():
        setattr(query, name, value)
    return query


def echo(association, count: Count, _) -> list:
    association.send_c_echo()
    count.request("C-ECHO")
    return []


def store(association, count: Count, chosen) -> list:
    sent = []
    for path in sorted(chosen.folder.glob("*.dcm")):
        data = dcmread(path)
        status = association.send_c_store(data)
        count.request("C-STORE")
        sent.append({"sop_instance": str(data.SOPInstanceUID), "status": status.Status})
    return sent


def find(association, count: Count, chosen) -> list:
    query = study_query(PatientName=chosen.name, PatientID=chosen.patient, StudyDate=chosen.date)
    found = list(association.send_c_find(query, StudyRootQueryRetrieveInformationModelFind))
    count.request("C-FIND", len(found))
    return [{"status": status.Status} for status, _ in found]


def worklist(association, count: Count, _) -> list:
    query = Dataset()
    query.PatientName = "*"
    query.PatientID = ""
    step = Dataset()
    step.Modality = "CT"
    step.ScheduledStationAETitle = "CT01"
    step.ScheduledProcedureStepStartDate = "20260302"
    query.ScheduledProcedureStepSequence = [step]
    found = list(association.send_c_find(query, ModalityWorklistInformationFind))
    count.request("C-FIND", len(found))
    return [{"status": status.Status} for status, _ in found]


def move(association, count: Count, chosen) -> list:
    query = study_query(PatientID=chosen.patient)
    found = list(
        association.send_c_move(
            query, chosen.destination, StudyRootQueryRetrieveInformationModelMove
        )
    )
    count.request("C-MOVE", len(found))
    return [{"status": status.Status} for status, _ in found]


def procedure_step(association, count: Count, _) -> list:
    created = Dataset()
    created.PatientName = "SYNTHETIC^PATIENT1"
    created.PatientID = "SYN000001"
    created.Modality = "CT"
    created.PerformedProcedureStepStatus = "IN PROGRESS"
    instance = f"{ROOT}.1"
    done, _ = association.send_n_create(created, ModalityPerformedProcedureStep, instance)
    count.request("N-CREATE")
    final = Dataset()
    final.PerformedProcedureStepStatus = "COMPLETED"
    set_, _ = association.send_n_set(final, ModalityPerformedProcedureStep, instance)
    count.request("N-SET")
    return [{"status": done.Status}, {"status": set_.Status}]


def commitment(association, count: Count, _) -> list:
    action = Dataset()
    action.TransactionUID = f"{ROOT}.2"
    item = Dataset()
    item.ReferencedSOPClassUID = CTImageStorage
    item.ReferencedSOPInstanceUID = "1.2.826.0.1.3680043.9.7777.20.1.1.1"
    action.ReferencedSOPSequence = [item]
    status, _ = association.send_n_action(
        action, 1, StorageCommitmentPushModel, COMMITMENT_INSTANCE
    )
    count.request("N-ACTION")
    return [{"status": status.Status}]


ACTIONS = {
    "echo": (echo, [Verification]),
    "store": (store, [CTImageStorage, MRImageStorage]),
    "find": (find, [StudyRootQueryRetrieveInformationModelFind]),
    "worklist": (worklist, [ModalityWorklistInformationFind]),
    "move": (move, [StudyRootQueryRetrieveInformationModelMove]),
    "mpps": (procedure_step, [ModalityPerformedProcedureStep]),
    "commit": (commitment, [StorageCommitmentPushModel]),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=ACTIONS)
    parser.add_argument("server")
    parser.add_argument("port", type=int)
    parser.add_argument("--calling", default="VWTEST")
    parser.add_argument("--called", default="PACS")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--name", default="*")
    parser.add_argument("--patient", default="")
    parser.add_argument("--date", default="")
    parser.add_argument("--destination", default="WS01")
    parser.add_argument("--times", type=int, default=1)
    chosen = parser.parse_args()
    act, contexts = ACTIONS[chosen.action]
    entity = AE(ae_title=chosen.calling)
    for context in contexts:
        entity.add_requested_context(context)
    count, results = Count(), []
    association = entity.associate(chosen.server, chosen.port, ae_title=chosen.called)
    if association.is_established:
        for _ in range(chosen.times):
            results += act(association, count, chosen)
        association.release()
        outcome = "accepted"
    else:
        outcome = "rejected" if association.is_rejected else "aborted"
    done = {
        "protocol": "dicom",
        "tool": f"pynetdicom {pynetdicom.__version__}",
        "action": chosen.action,
        "server": f"{chosen.server}:{chosen.port}",
        "calling_ae": chosen.calling,
        "called_ae": chosen.called,
        "association": outcome,
        "dimse": dict(count),
        "results": results,
    }
    print(json.dumps(done), flush=True)


if __name__ == "__main__":
    main()
