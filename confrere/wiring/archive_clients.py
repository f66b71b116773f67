"""Ask a foreign archive for studies and fetch one: by DICOM (C-FIND, C-MOVE) or DICOMweb.

Only registered archives are called, only at an address that was resolved and checked just
before, never along a redirect. Source: PS3.4 C.4, PS3.18 10.4 and 10.6.
"""

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
from pydicom import Dataset
from pynetdicom import AE
from pynetdicom.association import Association

from confrere.archives.model import Archive, Candidate, may_reach
from confrere.kernel.errors import Refused, Unavailable

FIND = "1.2.840.10008.5.1.4.1.2.2.1"
MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
VERIFY = "1.2.840.10008.1.1"
WAIT_SECONDS = 30.0
MOVE_SECONDS = 1800.0
MOST_CANDIDATES = 200
_PENDING = (0xFF00, 0xFF01)
_FIELDS = ("00080020", "00080061", "00081030", "00080050")


def find(archive: Archive, token: str, calling: str, mrn: str) -> list[Candidate]:
    """List a patient's studies; raises Unavailable or Refused with words for people."""
    if archive.way == "dimse":
        return _find_dimse(archive, calling, mrn)
    with _client(archive, token) as client:
        # one parameter for each field: not every archive takes a list (PS3.18 8.3.4)
        query = [("PatientID", mrn), ("limit", str(MOST_CANDIDATES))]
        answer = _ask(client, "/studies", [*query, *(("includefield", f) for f in _FIELDS)])
        rows = answer.json() if answer.status_code == httpx.codes.OK else []
    found = [_of_json(one) for one in rows if _json(one, "00100020") in ("", mrn)]
    return [one for one in found if one.study_uid]


def check(archive: Archive, token: str, calling: str) -> str:
    """Try an archive without asking about anybody; say what it answered."""
    if archive.way == "dimse":
        with _associated(archive, calling, VERIFY) as link:
            status = link.send_c_echo()
        if status.get("Status") != 0:
            raise Unavailable("it accepts us and does not answer the echo")
        return "answers the echo"
    with _client(archive, token) as client:
        _ask(client, "/studies", [("limit", "1"), ("PatientID", "confrere-connection-test")])
    return "answers a search"


def move(archive: Archive, calling: str, study_uid: str) -> int:
    """Let the archive send a study to our DICOM door; return how many images it says it sent."""
    keys = Dataset()
    keys.QueryRetrieveLevel, keys.StudyInstanceUID = "STUDY", study_uid
    with _associated(archive, calling, MOVE) as link:
        for status, _ in link.send_c_move(keys, calling, MOVE):
            code = status.get("Status")
            if code is None:
                raise Unavailable("it broke off while it sent")
            if code not in _PENDING:
                return _moved(int(code), status)
    raise Unavailable("it ended without an answer")


@contextmanager
def retrieve(archive: Archive, token: str, study_uid: str) -> Iterator[httpx.Response]:
    """Open a study's files as they are stored (WADO-RS); the body is read piece by piece."""
    accept = 'multipart/related; type="application/dicom"; transfer-syntax=*'
    with (
        _client(archive, token) as client,
        client.stream("GET", f"/studies/{study_uid}", headers={"accept": accept}) as answer,
    ):
        _check_status(answer)
        yield answer


def _moved(code: int, status: Any) -> int:
    done = int(status.get("NumberOfCompletedSuboperations", 0) or 0)
    failed = int(status.get("NumberOfFailedSuboperations", 0) or 0)
    if code == 0xA801:  # noqa: PLR2004 - PS3.4 C.4.2.1.5
        raise Refused("it does not know our AE title as a destination: enter it there")
    if code != 0 or failed:
        raise Unavailable(f"{done} images sent, {failed} not: it answered {code:#06x}")
    return done


def _find_dimse(archive: Archive, calling: str, mrn: str) -> list[Candidate]:
    keys = Dataset()
    keys.QueryRetrieveLevel, keys.PatientID = "STUDY", mrn
    for name in ("StudyInstanceUID", "StudyDate", "ModalitiesInStudy", "StudyDescription",
                 "AccessionNumber"):  # fmt: skip
        setattr(keys, name, "")
    found = []
    with _associated(archive, calling, FIND) as link:
        for status, match in link.send_c_find(keys, FIND):
            code = status.get("Status")
            if code is None or (code not in _PENDING and code != 0):
                raise Unavailable("it refused the query, or broke off")
            if match is not None and str(match.get("PatientID", mrn)) == mrn:
                found.append(_of_dataset(match))
            if len(found) >= MOST_CANDIDATES:
                break
    return [one for one in found if one.study_uid]


def _of_dataset(match: Dataset) -> Candidate:
    kinds = match.get("ModalitiesInStudy", "")
    first = kinds if isinstance(kinds, str) else next(iter(kinds or ()), "")
    return Candidate(
        str(match.get("StudyInstanceUID", "")), str(match.get("StudyDate", "")), str(first),
        str(match.get("StudyDescription", "")), str(match.get("AccessionNumber", "")),
    )  # fmt: skip


def _of_json(row: Any) -> Candidate:
    return Candidate(
        _json(row, "0020000D"), _json(row, "00080020"), _json(row, "00080061"),
        _json(row, "00081030"), _json(row, "00080050"),
    )  # fmt: skip


def _json(row: Any, tag: str) -> str:
    values = row.get(tag, {}).get("Value", []) if isinstance(row, dict) else []
    return str(values[0]) if values and isinstance(values[0], str | int) else ""


def reached_at(archive: Archive) -> str:
    """Resolve and check where an archive is; Refused where it must not be called."""
    parts = urlsplit(archive.url)
    dimse = archive.way == "dimse"
    host = archive.address if dimse else parts.hostname or ""
    port = archive.port if dimse else parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        raise Unavailable("its name leads nowhere: look at the address and the DNS") from None
    address = str(found[0][4][0])
    if not may_reach(address, archive):
        raise Refused("its name leads to an address that must not be called")
    return address


@contextmanager
def _associated(archive: Archive, calling: str, sop_class: str) -> Iterator[Association]:
    address = reached_at(archive)
    ae = AE(ae_title=calling)
    ae.acse_timeout = ae.connection_timeout = WAIT_SECONDS
    ae.dimse_timeout = ae.network_timeout = MOVE_SECONDS if sop_class == MOVE else WAIT_SECONDS
    ae.add_requested_context(sop_class)
    link = ae.associate(address, archive.port, ae_title=archive.aet)
    if not link.is_established:
        why = (
            "it rejects us: look at the AE titles" if link.is_rejected else "it does not answer"
        )
        raise Unavailable(why)
    try:
        if not link.accepted_contexts:
            raise Refused("it does not offer this service to us")
        yield link
    finally:
        if link.is_established:
            link.release()


@contextmanager
def _client(archive: Archive, token: str) -> Iterator[httpx.Client]:
    """Call the address that was checked, under the name that was registered (and certified)."""
    address, parts = reached_at(archive), urlsplit(archive.url)
    literal = f"[{address}]" if ":" in address else address
    port = f":{parts.port}" if parts.port else ""
    headers = {"host": parts.netloc, "accept": "application/dicom+json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    hook = {"request": [lambda one: one.extensions.update(sni_hostname=parts.hostname)]}
    with httpx.Client(
        base_url=f"{parts.scheme}://{literal}{port}{parts.path}", headers=headers,
        timeout=WAIT_SECONDS, follow_redirects=False, trust_env=False, event_hooks=hook,
    ) as client:  # fmt: skip
        try:
            yield client
        except httpx.HTTPError as error:
            raise Unavailable(f"it does not answer: {type(error).__name__}") from None


def _ask(client: httpx.Client, path: str, query: Sequence[tuple[str, str]]) -> httpx.Response:
    answer = client.get(path, params=list(query))
    _check_status(answer)
    return answer


def _check_status(answer: httpx.Response) -> None:
    code = answer.status_code
    if code in (401, 403):
        raise Refused(f"it refuses our token ({code}): give a new one")
    if answer.is_redirect:
        raise Refused("it redirects elsewhere, which is never followed: register that address")
    if not answer.is_success:
        raise Unavailable(f"it answers {code}")
