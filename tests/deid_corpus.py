"""A seeded corpus with identifiers planted wherever DICOM has a place for them.

Each object names its planted strings; none may be found in what is made of it.
"""

import random
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from pydicom import Dataset
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from confrere.imaging.confidentiality import table

FAMILIES = ("Zwyrtek", "Quillfeather", "Oduyaxe", "Brzezink", "Vantongeren", "Ekstrandt")
GIVENS = ("Xanthippe", "Thelonius", "Wilfredo", "Marjolaine", "Ignatius", "Philomena")
CT, US, SC = (
    "1.2.840.10008.5.1.4.1.1.2",
    "1.2.840.10008.5.1.4.1.1.6.1",
    "1.2.840.10008.5.1.4.1.1.7",
)
SR = "1.2.840.10008.5.1.4.1.1.88.22"
GLYPH = 0xF7  # the grey of burned-in text
ROOT = "1.2.826.0.1.3680043.9.7777"


@dataclass
class Planted:
    """An object, and what must not be found again."""

    data: Dataset
    kind: str
    syntax: str
    marks: tuple[bytes, ...]
    uids: tuple[str, ...]
    patient: str


class Corpus:
    """Patients of several studies; the same seed makes the same."""

    def __init__(self, seed: int = 20261124) -> None:
        self.dice = random.Random(seed)
        self.count = 0

    def person(self) -> dict[str, str]:
        self.count += 1
        pick = self.dice.choice
        family, given = f"{pick(FAMILIES)}{self.count}q", f"{pick(GIVENS)}{self.count}q"
        return {
            "family": family, "given": given, "mrn": f"MRN{self.dice.randrange(10**8):08d}",
            "born": f"19{self.dice.randrange(20, 99)}0{self.dice.randrange(1, 9)}17",
            "phone": f"312-555-{self.dice.randrange(10**4):04d}",
            "accession": f"AC{self.dice.randrange(10**7):07d}",
            "doctor": f"Drzewie{self.count}k",
        }  # fmt: skip

    def objects(self, who: dict[str, str], study: str) -> list[Planted]:
        makers = (self.everywhere, self.image, self.ultrasound, self.capture, self.report)
        return [make(who, study) for make in makers]

    def base(self, who: dict[str, str], study: str, sop_class: str, modality: str) -> Dataset:
        self.count += 1
        d = Dataset()
        d.SOPClassUID, d.SOPInstanceUID = sop_class, f"{study}.1.{self.count}"
        d.StudyInstanceUID, d.SeriesInstanceUID = study, f"{study}.1"
        d.PatientName, d.PatientID = f"{who['family']}^{who['given']}", who["mrn"]
        d.IssuerOfPatientID = "HOSP"
        d.PatientBirthDate, d.PatientSex, d.PatientAge = who["born"], "F", "093Y"
        d.AccessionNumber, d.StudyID = who["accession"], who["accession"]
        d.ReferringPhysicianName = f"{who['doctor']}^Ada"
        d.StudyDate, d.StudyTime, d.Modality = "20240310", "101500", modality
        d.ContentDate, d.ContentTime = "20240311", "101601"
        d.StudyDescription = f"Knee {who['family']} {who['mrn']}"
        d.SeriesDescription = f"AX T1 for {who['given'].upper()}"
        d.ImageComments = f"call {who['phone']}, seen 2024-03-10 by Dr. {who['doctor']}"
        d.InstitutionName, d.StationName = "Saint Zebulon Memorial", "CTROOM77Z"
        d.Manufacturer, d.ManufacturerModelName = "ACME", f"Scan {who['family']}"
        d.private_block(0x0029, "PLANTER 1.0", create=True).add_new(
            1, "LO", f"{who['family']} private"
        )
        inner = Dataset()
        inner.private_block(0x0031, "PLANTER 2.0", create=True).add_new(2, "PN", who["family"])
        inner.ReferencedSOPClassUID, inner.ReferencedSOPInstanceUID = (
            CT,
            f"{study}.1.9{self.count}",
        )
        d.ReferencedImageSequence = Sequence([inner])
        return d

    def pixels(self, d: Dataset, rows: int = 48, columns: int = 64, frames: int = 1) -> None:
        d.Rows, d.Columns, d.SamplesPerPixel = rows, columns, 1
        d.BitsAllocated = d.BitsStored = 8
        d.HighBit, d.PixelRepresentation = 7, 0
        d.PhotometricInterpretation = "MONOCHROME2"
        array = np.full((frames, rows, columns), 40, np.uint8)
        array[:, 2:8, 4:60:2] = GLYPH  # the banner with the name
        if frames > 1:
            d.NumberOfFrames = frames
        d.PixelData = array.tobytes()

    def planted(
        self, d: Dataset, who: dict[str, str], kind: str, syntax: str, *more: str
    ) -> Planted:
        words = [who["family"], who["given"], who["mrn"], who["phone"], who["accession"]]
        words += [who["doctor"], "Zebulon", "PLANTER", *more]
        marks = [word.encode() for word in words]
        marks += [word.upper().encode() for word in words] + [who["born"].encode()]
        uids = (str(d.SOPInstanceUID), str(d.StudyInstanceUID), str(d.SeriesInstanceUID))
        d.set_original_encoding(syntax == ImplicitVRLittleEndian, True, None)
        return Planted(d, kind, syntax, tuple(marks), uids, who["mrn"])

    def everywhere(self, who: dict[str, str], study: str) -> Planted:
        """A value in every attribute of Table E.1-1, at the top and in an item."""
        d = self.base(who, study, CT, "CT")
        item = Dataset()
        for tag in table():
            known = "X" not in tag and dictionary_has_tag(int(tag, 16))
            if known and tag[:4] not in ("0000", "0002", "FFFA"):
                _plant(d, int(tag, 16), who, study)
                _plant(item, int(tag, 16), who, study)
        d.add_new(0x00081250, "SQ", [item])  # RelatedSeriesSequence: not in the table
        for group in (0x6000, 0x5000):
            d.add_new((group, 0x3000), "OW", (who["family"] + " burned").ljust(40).encode())
            d.add_new((group, 0x4000 if group == 0x6000 else 0x2600), "LO", who["family"])
        icon = Dataset()
        self.pixels(icon, 8, 8)
        icon.PixelData = who["family"].ljust(64).encode()
        d.IconImageSequence = Sequence([icon])
        d.SOPClassUID = CT
        d.StudyDate, d.PatientAge, d.PatientID = "20240310", "093Y", who["mrn"]
        d.IssuerOfPatientID, d.PatientName = "HOSP", f"{who['family']}^{who['given']}"
        self.pixels(d)
        return self.planted(d, who, "everywhere", ExplicitVRLittleEndian)

    def image(self, who: dict[str, str], study: str) -> Planted:
        d = self.base(who, study, CT, "CT")
        d.FrameOfReferenceUID = (
            f"{ROOT}.{who['mrn'][3:].lstrip('0')}.5"  # an identifier in a UID
        )
        self.pixels(d)
        d.file_meta = FileMetaDataset()
        d.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        d.compress(RLELossless, generate_instance_uid=False)
        return self.planted(d, who, "image", RLELossless, who["mrn"][3:].lstrip("0"))

    def ultrasound(self, who: dict[str, str], study: str) -> Planted:
        d = self.base(who, study, US, "US")
        self.pixels(d, frames=2)
        region = Dataset()
        region.RegionLocationMinX0, region.RegionLocationMinY0 = 0, 10
        region.RegionLocationMaxX1, region.RegionLocationMaxY1 = 63, 47
        d.SequenceOfUltrasoundRegions = Sequence([region])
        return self.planted(d, who, "ultrasound", ImplicitVRLittleEndian)

    def capture(self, who: dict[str, str], study: str) -> Planted:
        d = self.base(who, study, SC, "OT")
        d.ConversionType, d.BurnedInAnnotation = "WSD", "YES"
        self.pixels(d)
        return self.planted(d, who, "capture", ExplicitVRLittleEndian)

    def report(self, who: dict[str, str], study: str) -> Planted:
        d = self.base(who, study, SR, "SR")
        text, name, image = Dataset(), Dataset(), Dataset()
        for one, kind in ((text, "TEXT"), (name, "PNAME"), (image, "UIDREF")):
            one.RelationshipType, one.ValueType = "CONTAINS", kind
            code = Dataset()
            code.CodeValue, code.CodingSchemeDesignator = "121071", "DCM"
            code.CodeMeaning = "Finding"
            one.ConceptNameCodeSequence = Sequence([code])
        text.TextValue = (
            f"{who['given']} {who['family']} (MRN {who['mrn']}), born {who['born']}, tel "
            f"{who['phone']}: fracture of the distal radius. Dr {who['doctor']} told 3/11/2024."
        )
        name.PersonName, image.UID = f"{who['doctor']}^Ada", f"{study}.1.77"
        d.ContentSequence = Sequence([text, name, image])
        return self.planted(d, who, "report", ExplicitVRLittleEndian)


def as_stored(one: Planted) -> bytes:
    """Write a data set as the archive holds it: without preamble and file meta."""
    out = BytesIO()
    whole = Dataset()
    whole.update(one.data)
    whole.save_as(
        out, implicit_vr=one.syntax == ImplicitVRLittleEndian, little_endian=True,
        enforce_file_format=False,
    )  # fmt: skip
    return out.getvalue()


def _plant(d: Dataset, tag: int, who: dict[str, str], study: str) -> None:
    if tag in d:
        return
    vr = dictionary_VR(tag).split(" or ")[0]
    text = f"{who['family']} {who['mrn']}"
    if tag in (0x00340007, 0x04000310):  # moments in binary
        d.add_new(tag, vr, bytes(range(10)))
        return
    values: dict[str, object] = {
        "PN": f"{who['family']}^{who['given']}", "UI": f"{ROOT}9.{tag % 100000}", "AS": "093Y",
        "DA": "20240310", "TM": "101500", "DT": "20240310101500", "DS": "7331", "IS": "7331",
        "SQ": [_item(who, study)], "AE": who["family"][:16], "CS": "PLANTED",
        **dict.fromkeys(("SH",), who["family"][:16]),
        **dict.fromkeys(("LO", "ST", "LT", "UT", "UC", "UR"), text),
        **dict.fromkeys(("US", "SS", "UL", "SL", "UV", "SV"), 733),
        **dict.fromkeys(("FL", "FD"), 73.5),
    }  # fmt: skip
    value = values.get(vr, text.ljust(len(text) + len(text) % 2).encode())
    d.add_new(tag, vr, value)


def _item(who: dict[str, str], study: str) -> Dataset:
    item = Dataset()
    item.PersonName, item.UID = who["family"], f"{study}.404"
    item.TextValue = f"{who['given']} {who['phone']}"
    return item
