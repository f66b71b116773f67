"""Ask a foreign archive for studies and fetch one: by DICOM (C-FIND, C-MOVE) or DICOMweb.

Only registered archives are called, only at an address that was resolved and checked just
before, never along a redirect. Source: PS3.4 C.4, PS3.18 10.4 and 10.6.
"""

import socket
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
from pydicom import Dataset

from confrere.archives.model import Archive, Candidate, may_reach
from confrere.dimse import client as dimse
from confrere.dimse.client import Progress, Remote
from confrere.kernel.errors import Refused, Unavailable

WAIT = timedelta(seconds=30)
MOVE_WAIT = timedelta(minutes=30)  # between two answers of an archive that fetches from tape
MOST_CANDIDATES = 200
_DESTINATION_UNKNOWN = 0xA801  # PS3.4 C.4.2.1.5
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
        dimse.echo(_remote(archive, calling))
        return "answers the echo"
    with _client(archive, token) as client:
        _ask(client, "/studies", [("limit", "1"), ("PatientID", "confrere-connection-test")])
    return "answers a search"


def move(archive: Archive, calling: str, study_uid: str) -> int:
    """Let the archive send a study to our DICOM door; return how many images it says it sent."""
    keys = Dataset()
    keys.QueryRetrieveLevel, keys.StudyInstanceUID = "STUDY", study_uid
    for progress in dimse.move(_remote(archive, calling), "STUDY", keys, calling):
        if progress.is_over:
            return _moved(progress)
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


def _moved(progress: Progress) -> int:
    if progress.status == _DESTINATION_UNKNOWN:
        raise Refused("it does not know our AE title as a destination: enter it there")
    if progress.status != 0 or progress.failed:
        counts = f"{progress.completed} images sent, {progress.failed} not"
        raise Unavailable(f"{counts}: it answered {progress.status:#06x}")
    return progress.completed


def _find_dimse(archive: Archive, calling: str, mrn: str) -> list[Candidate]:
    keys = Dataset()
    keys.QueryRetrieveLevel, keys.PatientID = "STUDY", mrn
    for name in ("StudyInstanceUID", "StudyDate", "ModalitiesInStudy", "StudyDescription",
                 "AccessionNumber"):  # fmt: skip
        setattr(keys, name, "")
    found = []
    with closing(dimse.find(_remote(archive, calling), "STUDY", keys)) as matches:
        for match in matches:
            if str(match.get("PatientID", mrn)) == mrn:
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


def _remote(archive: Archive, calling: str) -> Remote:
    return Remote(reached_at(archive), archive.port, archive.aet, calling, WAIT, MOVE_WAIT)


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
        timeout=WAIT.total_seconds(), follow_redirects=False, trust_env=False, event_hooks=hook,
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
