"""What fuzzing begins with: true requests, messages, heads and files of each kind."""

import io
from pathlib import Path

import pydicom
from pydicom import Dataset
from pynetdicom.dsutils import encode

from confrere.dimse import command, pdu, syntaxes
from confrere.dimse.command import DATA_SET_TYPE, NO_DATA_SET
from confrere.imaging.part10 import split_part10
from confrere.kernel.errors import Invalid
from tests.fuzz.services import CT, proposal
from tests.fuzz.targets import SYNTAXES, packed

FILES = Path(pydicom.__file__).parent / "data" / "test_files"
LONGEST = 6000  # bytes of a seed: damage is to hit the heads, not the pixels
_ROOT = "1.2.840.10008.5.1.4.1.2.2."


def seeds(name: str, folder: Path = FILES) -> list[bytes]:
    """The seeds of one target."""
    if name in {"head", "file", "deflated"}:
        return _of_files(name, folder)
    return {
        "request": lambda: [one[pdu.HEADER.size :] for one in _proposals()],
        "command_set": lambda: [command.encode(one) for one in _commands()],
        "query": lambda: [_coded(one) for one in (_keys(), _worklist())],
        "modality": lambda: [_coded(one) for one in (_step(), _commitment())],
        "parts": lambda: [_multipart()],
        "association": _associations,
    }[name]()


def _of_files(name: str, folder: Path) -> list[bytes]:
    found = []
    for path in sorted(folder.rglob("*")):
        raw = path.read_bytes() if path.is_file() and path.stat().st_size < 1 << 20 else b""
        if raw[128:132] != b"DICM":
            continue
        try:
            meta, start = split_part10(raw)
        except Invalid:
            continue
        if name == "file":
            found.append(raw[: start + 64])
        elif name == "deflated":
            found.append(packed(raw[start : start + LONGEST]))
        elif meta.transfer_syntax in SYNTAXES:
            body = raw[start:] if len(raw) - start < LONGEST else raw[start : start + LONGEST]
            found.append(bytes((SYNTAXES.index(meta.transfer_syntax),)) + body)
    return found


def _proposals() -> list[bytes]:
    return [
        proposal(CT, roles=(CT,)),
        proposal(CT, syntaxes.VERIFICATION, _ROOT + "1", _ROOT + "2", _ROOT + "3", roles=(CT,)),
        proposal(
            syntaxes.MODALITY_WORKLIST, syntaxes.PERFORMED_STEP, syntaxes.STORAGE_COMMITMENT
        ),
    ]


def _commands() -> list[dict[int, int | str]]:
    def asked(field: int, uid: str, *more: tuple[int, int | str]) -> dict[int, int | str]:
        made: dict[int, int | str] = {
            command.COMMAND_FIELD: field, command.MESSAGE_ID: 7, command.AFFECTED_CLASS: uid,
            command.PRIORITY: 0, DATA_SET_TYPE: 1,
        }  # fmt: skip
        return made | dict(more)

    step, kept = syntaxes.PERFORMED_STEP, syntaxes.STORAGE_COMMITMENT
    return [
        asked(command.C_ECHO_RQ, syntaxes.VERIFICATION, (DATA_SET_TYPE, NO_DATA_SET)),
        asked(command.C_STORE_RQ, CT, (command.AFFECTED_INSTANCE, "1.2.3")),
        asked(command.C_FIND_RQ, _ROOT + "1"),
        asked(command.C_MOVE_RQ, _ROOT + "2", (0x0600, "ELSEWHERE")),
        asked(command.C_GET_RQ, _ROOT + "3"),
        asked(command.C_FIND_RQ, syntaxes.MODALITY_WORKLIST),
        asked(command.N_CREATE_RQ, step, (command.AFFECTED_INSTANCE, "1.2.3")),
        asked(
            command.N_SET_RQ, step, (command.REQUESTED_CLASS, step),
            (command.REQUESTED_INSTANCE, "1.2.3"),
        ),
        asked(
            command.N_ACTION_RQ, kept, (command.REQUESTED_CLASS, kept),
            (command.REQUESTED_INSTANCE, syntaxes.STORAGE_COMMITMENT_INSTANCE),
            (command.ACTION_TYPE, 1),
        ),
    ]  # fmt: skip


def _keys() -> Dataset:
    keys = Dataset()
    keys.SpecificCharacterSet = "ISO_IR 100"
    keys.QueryRetrieveLevel, keys.PatientName = "STUDY", "Doe*"
    keys.StudyDate, keys.StudyInstanceUID = "20260101-20261231", "1.2.3"
    keys.StudyTime, keys.ModalitiesInStudy, keys.NumberOfStudyRelatedInstances = (
        "0800-",
        "CT",
        "",
    )
    return keys


def _worklist() -> Dataset:
    keys, step = Dataset(), Dataset()
    keys.PatientName, keys.PatientID = "", "M?"
    step.Modality, step.ScheduledProcedureStepStartDate = "CT", "20260101-"
    keys.ScheduledProcedureStepSequence = [step]
    return keys


def _step() -> Dataset:
    made, scheduled, series = Dataset(), Dataset(), Dataset()
    made.PerformedProcedureStepID = made.PerformedStationAETitle = "P1"
    made.PerformedProcedureStepStatus, made.Modality = "IN PROGRESS", "CT"
    made.PerformedProcedureStepStartDate, made.PerformedProcedureStepStartTime = (
        "20261124", "081500",
    )  # fmt: skip
    made.PerformedProcedureStepEndDate, made.TimezoneOffsetFromUTC = "20261124", "-0600"
    scheduled.StudyInstanceUID, scheduled.AccessionNumber = "1.2.3", "A1"
    made.ScheduledStepAttributesSequence, made.PerformedSeriesSequence = [scheduled], [series]
    return made


def _commitment() -> Dataset:
    made, one = Dataset(), Dataset()
    made.TransactionUID = "1.2.3.4"
    one.ReferencedSOPClassUID, one.ReferencedSOPInstanceUID = CT, "1.2.3"
    made.ReferencedSOPSequence = [one, one]
    return made


def _coded(data: Dataset) -> bytes:
    coded = encode(data, is_implicit_vr=False, is_little_endian=True)
    assert coded
    return b"\1" + coded


def _associations() -> list[bytes]:
    """Whole conversations: a proposal, then each operation with its data set, then release."""
    uids = list(dict.fromkeys(str(one[command.AFFECTED_CLASS]) for one in _commands()))
    begin = proposal(*uids, roles=(CT,))
    bodies = {
        command.C_STORE_RQ: _keys(), command.C_FIND_RQ: _keys(), command.C_MOVE_RQ: _keys(),
        command.C_GET_RQ: _keys(), command.N_CREATE_RQ: _step(), command.N_SET_RQ: _step(),
        command.N_ACTION_RQ: _commitment(),
    }  # fmt: skip
    found = []
    for one in _commands():
        context = 2 * uids.index(str(one[command.AFFECTED_CLASS])) + 1
        said = pdu.p_data(context, command.encode(one), command=True, max_pdu=0)
        body = bodies.get(int(one[command.COMMAND_FIELD]))
        if body is not None:
            said += pdu.p_data(context, _coded(body)[1:], command=False, max_pdu=0)
        found.append(begin + said + pdu.HEADER.pack(pdu.RELEASE_RQ, 4) + bytes(4))
    return found


def _multipart() -> bytes:
    part = multipart_part(io.BytesIO(b"\0" * 128 + b"DICM" + b"x" * 40).getvalue())
    return part + part + b"\r\n--b--\r\n"


def multipart_part(content: bytes) -> bytes:
    """One part of a STOW-RS body whose boundary is b."""
    return b"\r\n--b\r\nContent-Type: application/dicom\r\n\r\n" + content
