"""A site's PACS (Orthanc) is its archive: what it holds leaves our cache, and comes back."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa

from confrere.archives import service as archives
from confrere.archives.model import EXPIRED, FETCHED, Archive, Candidate
from confrere.database.engine import transaction
from confrere.imaging import correcting, finding
from confrere.imaging import keeping as imaging
from confrere.imaging import service as filing
from confrere.imaging.corrections import By as Corrector
from confrere.keeping import service
from confrere.kernel.errors import Unavailable
from confrere.kernel.ids import PatientId, StudyId
from confrere.patients import service as patients
from confrere.wiring import evicting, fetching, sweeping
from confrere.wiring.bringing_back import BEING_FETCHED, NOBODY_TO_ASK, Uses
from tests.database import Databases
from tests.integration.keeping_house import PROPOSER, Keeping, keeping_in
from tests.integration.test_archives import (  # noqa: F401 - a fixture is found by its name
    CHEST,
    HEAD,
    Orthanc,
    orthanc,
    ports,
)
from tests.integration.world import NOW
from tests.peers import needs

pytestmark = needs("orthanc", "orthanc-dicomweb")


@pytest.fixture
def keeping(fresh: Databases, tmp_path: Path) -> Keeping:
    made = keeping_in(fresh, tmp_path)
    made.switch(cache_days=30)
    return made


@pytest.fixture
def pacs(keeping: Keeping, orthanc: Orthanc) -> Archive:  # noqa: F811
    one = Archive(
        UUID(int=0), keeping.world.owner, "Site PACS", "dicomweb", "LMH-MRN",
        url=f"{orthanc.url}/dicom-web", site=keeping.world.site, plain=True, pause_seconds=0,
    )  # fmt: skip
    with transaction(keeping.made.app, frozenset({keeping.world.owner})) as conn:
        return archives.register(conn, one, "", NOW)


def fetched(keeping: Keeping, pacs: Archive, uid: str) -> StudyId:
    """A study as it came from the PACS, in its bytes."""
    way = fetching.Way(keeping.made.system, keeping.house.blobs, "CONFRERE")
    study = keeping.file("9.9.9", mrn="M1", read=None, images=1)
    patient = keeping.kept(study).patient
    assert patient is not None
    with transaction(keeping.made.system, frozenset()) as conn:
        wanted = Candidate(uid, "20250310", "CT", "CT HEAD")
        archives.ask(conn, pacs, patient, None, wanted, "test", keeping.at, keeping.at)
    assert fetching.fetch_due(way, lambda: keeping.at) == 1
    with transaction(keeping.made.system, frozenset()) as conn:
        found = filing.of_uid(conn, keeping.world.owner, uid)
        assert found is not None
        conn.execute(
            sa.text("update studies set state = 'closed' where id = :i"), {"i": found.id}
        )
    return found.id


def own(keeping: Keeping, pacs: Archive) -> StudyId:
    """The site's own exam, read here, that its PACS holds too."""
    study = fetched(keeping, pacs, HEAD)
    with transaction(keeping.made.system, frozenset()) as conn:
        conn.execute(sa.text("delete from fetches"))
        conn.execute(sa.text(
            "insert into items (owner_group, site_id, study_id, state, created_at, updated_at, finished_at) "
            "values (:o, :s, :i, 'final', :at, :at, :at)"
        ), {"o": keeping.world.owner, "s": keeping.world.site, "i": study, "at": keeping.at})  # fmt: skip
    return study


def test_a_read_study_leaves_after_its_lifetime_and_comes_back_when_it_is_opened(
    keeping: Keeping, pacs: Archive
) -> None:
    study = own(keeping, pacs)
    digests = keeping.digests(study)
    uses = Uses(keeping.house)
    keeping.forward(days=29)
    uses.note(study)
    keeping.forward(days=29)
    assert evicting.evict(keeping.house).studies == 0, "it was used since"
    keeping.forward(days=2)
    done = evicting.evict(keeping.house)
    assert (done.studies, done.images) == (1, 6)
    assert keeping.place(study) == "away"
    assert not any(keeping.is_main(one) for one in digests)
    empty_shelf(keeping)
    with pytest.raises(Unavailable) as told:
        uses.note(study)
    assert str(told.value) == BEING_FETCHED
    way = fetching.Way(keeping.made.system, keeping.house.blobs, "CONFRERE")
    assert fetching.fetch_due(way, lambda: keeping.at) == 1
    assert keeping.place(study) == "main"
    uses.note(study)
    assert all(keeping.house.blobs.secure(one) for one in keeping.digests(study))
    with transaction(keeping.made.system, frozenset()) as conn:
        found = filing.study(conn, study)
        assert found.instance_count == 6
        assert not archives.asked(conn, found.owner_group, [found.study_uid]), (
            "no prior by that"
        )


def test_what_is_opened_just_after_it_left_is_back_at_once(
    keeping: Keeping, pacs: Archive
) -> None:
    study = own(keeping, pacs)
    digests = keeping.digests(study)
    keeping.forward(days=31)
    assert evicting.evict(keeping.house).studies == 1
    Uses(keeping.house).note(study)
    assert keeping.place(study) == "main"
    assert all(keeping.is_main(one) for one in digests), "back from the shelf"
    keeping.at = datetime.now(UTC) + timedelta(hours=2)
    assert sweeping.settle(keeping.house) == sweeping.Swept()


def test_what_comes_late_to_a_study_that_left_is_kept(keeping: Keeping, pacs: Archive) -> None:
    study = own(keeping, pacs)
    keeping.forward(days=31)
    assert evicting.evict(keeping.house).studies == 1
    before = set(keeping.digests(study))
    late = keeping.file(HEAD, images=1, read=None)
    assert late == study
    (digest,) = set(keeping.digests(study)) - before
    with transaction(keeping.made.system, frozenset()) as conn:
        assert service.named(conn, [digest, *before]) == {digest}


def test_what_is_used_at_the_last_moment_does_not_leave(
    keeping: Keeping, pacs: Archive
) -> None:
    study = own(keeping, pacs)
    kept = keeping.kept(study)
    Uses(keeping.house).note(study)
    keeping.forward(days=31)
    with transaction(keeping.made.system, frozenset()) as conn:
        imaging.note_use(conn, study, kept.owner_group, keeping.at)
        assert imaging.let_go(conn, kept, "too late", keeping.at) == []
    assert keeping.place(study) == "main"


def empty_shelf(keeping: Keeping) -> None:
    """As an hour later."""
    place = keeping.house.blobs.main
    for one in list(place.shelf("swept")):
        place.drop("swept", one.digest)


def test_what_comes_back_in_other_bytes_is_taken_and_no_conflict(
    keeping: Keeping, pacs: Archive
) -> None:
    study = own(keeping, pacs)
    with transaction(keeping.made.system, frozenset()) as conn:
        conn.execute(sa.text(  # as if these had come from the modality in another syntax
            "update instances set digest = sha256(digest) where study_id = :i"
        ), {"i": study})  # fmt: skip
    keeping.forward(days=31)
    assert evicting.evict(keeping.house).studies == 1
    with pytest.raises(Unavailable):
        Uses(keeping.house).note(study)
    way = fetching.Way(keeping.made.system, keeping.house.blobs, "CONFRERE")
    assert fetching.fetch_due(way, lambda: keeping.at) == 1
    assert keeping.place(study) == "main"
    with transaction(keeping.made.system, frozenset()) as conn:
        asides = conn.execute(sa.text("select resolution from kept_aside")).scalars().all()
        assert asides == ["came back from the site's PACS in other bytes"] * 6
        for one in finding.instances_of(conn, study):
            assert keeping.house.blobs.read(one.digest)


@pytest.mark.parametrize(
    "why", ["unread", "held", "held patient", "unknown there", "corrected", "no archive"]
)
def test_what_must_stay_stays(keeping: Keeping, pacs: Archive, why: str) -> None:
    study = own(keeping, pacs)
    kept = keeping.kept(study)
    with transaction(keeping.made.system, frozenset()) as conn:
        if why == "unread":
            conn.execute(sa.text("update items set state = 'held', finished_at = null"))
            said = "still to be read"
        elif why.startswith("held"):
            of = (study, None) if why == "held" else (None, kept.patient)
            service.hold(conn, kept.owner_group, *of, "a lawsuit", PROPOSER, NOW)
            said = "on legal hold"
        elif why == "unknown there":
            conn.execute(
                sa.text("update studies set study_uid = '1.2.3' where id = :i"), {"i": study}
            )
            said = evicting.UNKNOWN_THERE
        elif why == "corrected":
            _correct(conn, study, kept.patient)
            said = evicting.CHANGED
        else:
            archives.enable(conn, pacs.id, enabled=False)
            said = evicting.NO_ARCHIVE
    keeping.forward(days=31)
    done = evicting.evict(keeping.house)
    assert done.studies == 0
    assert done.kept[said] >= 1
    assert keeping.place(study) == "main"


def _correct(conn: sa.Connection, study: StudyId, patient: PatientId | None) -> None:
    assert patient is not None
    whose = patients.get(conn, patient)
    correcting.reassign(conn, study, whose, None, "wrong order", Corrector("Cora", None), NOW)


def test_a_fetched_prior_goes_at_its_lifetime_unless_an_open_exam_needs_it(
    keeping: Keeping, pacs: Archive
) -> None:
    keeping.switch()
    prior = fetched(keeping, replace(pacs, keeps_days=30), CHEST)
    exam = keeping.file("1.2.3", read=False)
    keeping.forward(days=31)
    done = evicting.evict(keeping.house)
    assert done.kept == {"a prior of an exam that is still to be read": 1}
    with transaction(keeping.made.system, frozenset()) as conn:
        conn.execute(
            sa.text("update items set finished_at = :at where study_id = :i"),
            {"i": exam, "at": keeping.at},
        )
    assert evicting.evict(keeping.house).studies == 1
    assert keeping.place(prior) == "away"
    with transaction(keeping.made.system, frozenset()) as conn:
        (fetch,) = archives.fetches(conn)
        assert fetch.state == EXPIRED
    empty_shelf(keeping)
    with pytest.raises(Unavailable):
        Uses(keeping.house).note(prior)
    way = fetching.Way(keeping.made.system, keeping.house.blobs, "CONFRERE")
    assert fetching.fetch_due(way, lambda: keeping.at) == 1
    assert keeping.place(prior) == "main"
    with transaction(keeping.made.system, frozenset()) as conn:
        (fetch,) = archives.fetches(conn)
    assert fetch.state == FETCHED
    assert fetch.expires_at == keeping.at + timedelta(days=30)


def test_where_nobody_can_be_asked_that_is_said(keeping: Keeping, pacs: Archive) -> None:
    study = own(keeping, pacs)
    keeping.forward(days=31)
    assert evicting.evict(keeping.house).studies == 1
    with transaction(keeping.made.system, frozenset()) as conn:
        archives.enable(conn, pacs.id, enabled=False)
    empty_shelf(keeping)
    with pytest.raises(Unavailable) as told:
        Uses(keeping.house).note(study)
    assert str(told.value) == NOBODY_TO_ASK


def test_what_must_stay_hides_nothing_behind_it(keeping: Keeping, pacs: Archive) -> None:
    for number in range(3):
        keeping.file(f"1.2.{number}", read=False)
    keeping.forward(days=1)
    study = own(keeping, pacs)
    keeping.forward(days=31)
    done = evicting.evict(keeping.house, most=2)
    assert done.studies == 1
    assert done.kept["still to be read"] == 4, "three of them, and one that no list ever had"
    assert keeping.place(study) == "away"
    with transaction(keeping.made.system, frozenset()) as conn:
        found = service.rounds(conn)[keeping.world.site]
    assert (found.evicted, found.kept, found.after) == (1, {"still to be read": 4}, None)
