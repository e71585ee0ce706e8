"""Writes small synthetic CT or MR images: the same files for the same arguments."""

import argparse
from pathlib import Path

import numpy
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MRImageStorage,
)

ROOT = "1.2.826.0.1.3680043.9.7777.20"
CLASSES = {"CT": CTImageStorage, "MR": MRImageStorage}
SYNTAXES = {"implicit": ImplicitVRLittleEndian, "explicit": ExplicitVRLittleEndian}


def pixels(size: int, number: int, noise: bool) -> bytes:
    """A disc whose brightness depends on the slice; with noise it does not compress."""
    y, x = numpy.mgrid[0:size, 0:size]
    disc = (x - size / 2) ** 2 + (y - size / 2) ** 2 < (size / 3) ** 2
    image = numpy.where(disc, 1000 + 10 * number, 24)
    if noise:
        image = image + numpy.random.default_rng(number).integers(0, 512, image.shape)
    return image.astype("<u2").tobytes()


def image(modality: str, patient: int, number: int, size: int, noise: bool) -> Dataset:
    """One slice of an invented patient."""
    data = Dataset()
    data.SOPClassUID = CLASSES[modality]
    data.SOPInstanceUID = f"{ROOT}.{patient}.1.{number}"
    data.StudyDate = "20260302"
    data.StudyTime = "080000"
    data.AccessionNumber = f"ACC{patient:06}"
    data.Modality = modality
    data.Manufacturer = "VITALWIRE TEST"
    data.StationName = f"{modality}01"
    data.PatientName = f"SYNTHETIC^PATIENT{patient}"
    data.PatientID = f"SYN{patient:06}"
    data.PatientBirthDate = "19700101"
    data.PatientSex = "O"
    data.StudyInstanceUID = f"{ROOT}.{patient}"
    data.SeriesInstanceUID = f"{ROOT}.{patient}.1"
    data.StudyID = str(patient)
    data.SeriesNumber = 1
    data.InstanceNumber = number
    data.SamplesPerPixel = 1
    data.PhotometricInterpretation = "MONOCHROME2"
    data.Rows = size
    data.Columns = size
    data.BitsAllocated = 16
    data.BitsStored = 16
    data.HighBit = 15
    data.PixelRepresentation = 0
    data.PixelData = pixels(size, number, noise)
    data["PixelData"].VR = "OW"
    return data


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--modality", choices=CLASSES, default="CT")
    parser.add_argument("--patient", type=int, default=1)
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--syntax", choices=SYNTAXES, default="explicit")
    parser.add_argument("--noise", action="store_true")
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, chosen.count + 1):
        data = image(chosen.modality, chosen.patient, number, chosen.size, chosen.noise)
        data.file_meta = FileMetaDataset()
        data.file_meta.TransferSyntaxUID = SYNTAXES[chosen.syntax]
        data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
        data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
        name = f"{chosen.modality}-{chosen.patient}-{number:04}.dcm"
        data.save_as(chosen.folder / name, enforce_file_format=True)


if __name__ == "__main__":
    main()
