"""Images for the demonstration's orders, and sending them as a foreign PACS would."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pydicom
from pydicom import Dataset
from pynetdicom import AE

from confrere.demo import phantom
from confrere.demo.messages import OrderPlan
from confrere.demo.samples import SamplePatient, adopt, bundled_series
from confrere.kernel.errors import Unavailable
from confrere.kernel.ids import Uid

log = logging.getLogger(__name__)

HEAD, HEAD_PRIOR, CHEST, CHEST_PRIOR = "head", "head-prior", "chest", "chest-prior"
PHANTOMS = (HEAD_PRIOR, HEAD, CHEST_PRIOR, CHEST)
_WAIT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Pictures:
    """Where a study's images are: files in the order in which they are sent."""

    key: str
    files: tuple[Path, ...]

    def study_uid(self, accession: str) -> Uid:
        """The UID that the study has once it belongs to that order."""
        old = pydicom.dcmread(self.files[0], specific_tags=["StudyInstanceUID"])
        return renamer(accession)(str(old.StudyInstanceUID))

    def thinned(self, step: int) -> "Pictures":
        """Every `step`-th image, to keep traffic light."""
        return Pictures(self.key, self.files[::step])


def renamer(accession: str) -> Callable[[str], Uid]:
    """Name the new UID for an old one; the same order always gives the same."""
    return lambda old: phantom.uid("traffic", accession, old)


def samples() -> dict[str, Pictures]:
    """The studies that come with pydicom, by key."""
    return {one.key: Pictures(one.key, one.files) for one in bundled_series()}


def phantoms(folder: Path, key: str, seed: int) -> Pictures:
    """Return one of PHANTOMS; it is generated once, in seconds, and kept in `folder`."""
    place = folder / key
    if not (place / "whole").exists():
        draw = phantom.head_ct if key in (HEAD, HEAD_PRIOR) else phantom.chest_ct
        prior = key in (HEAD_PRIOR, CHEST_PRIOR)
        phantom.write_study(place, draw(_request(key), seed, prior=prior))
        (place / "whole").touch()
    return Pictures(key, tuple(sorted(place.glob("*.dcm"))))


def _request(key: str) -> phantom.PhantomRequest:
    return phantom.PhantomRequest(
        "Synthetic^Phantom", "PHANTOM", "CONFRERE", date(1950, 1, 1), "O", "", key,
        datetime(2026, 1, 1, tzinfo=UTC), "", "", "", "PHANTOM",
    )  # fmt: skip


def adopted(order: OrderPlan, pictures: Pictures, when: datetime) -> Iterator[Dataset]:
    """Read the images one by one and give them this order's patient, numbers and time."""
    person = order.person
    patient = SamplePatient(
        person.dicom_name, order.mrn, order.site.assigner, person.birth_date, person.sex
    )
    for path in pictures.files:
        image = adopt(
            pydicom.dcmread(path), patient, accession=order.accession,
            uids=renamer(order.accession), when=when, institution=order.site.name,
        )  # fmt: skip
        image.StudyDescription = order.wording[1]
        given, _, family = order.referrer.rpartition(" ")
        image.ReferringPhysicianName = f"{family}^{given}"
        yield image


def send(
    order: OrderPlan, pictures: Pictures, when: datetime, host: str, port: int, called: str
) -> int:
    """C-STORE a study as its site's PACS; return how many images were stored.

    Raises Unavailable when no association can be had: refused, or nobody listens.
    """
    entity = AE(ae_title=order.site.aet)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = _WAIT_SECONDS
    for sop_class, syntax in sorted({_kind(path) for path in pictures.files}):
        entity.add_requested_context(sop_class, [syntax])
    association = entity.associate(host, port, ae_title=called)
    if not association.is_established:
        raise Unavailable("the DICOM door gives no association; try again later")
    stored = 0
    try:
        for image in adopted(order, pictures, when):
            try:
                answer = association.send_c_store(image)
            except (ValueError, RuntimeError) as refused:
                log.warning("demo: an image was not sent: %s", type(refused).__name__)
                continue
            stored += answer.get("Status") == 0
    finally:
        association.release()
    return stored


def _kind(path: Path) -> tuple[str, str]:
    meta = pydicom.filereader.read_file_meta_info(path)
    return str(meta.MediaStorageSOPClassUID), str(meta.TransferSyntaxUID)
