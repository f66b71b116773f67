"""What nobody names goes, what is seldom used gets cold, and what is due goes by four eyes."""

import hashlib
import os
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from confrere.database.engine import transaction
from confrere.files.paths import SWEPT, path_of
from confrere.imaging.model import Aside
from confrere.imaging.store_asides import keep_asides
from confrere.keeping import deletions, service
from confrere.keeping.model import APPROVED, EXECUTED, SPARED, TierRule
from confrere.kernel.errors import Conflict, Invalid, NotFound, Refused
from confrere.wiring import removing, scrubbing, store_looks, sweeping, tiering
from confrere.wiring.sweeping import Swept
from tests.database import Databases
from tests.integration.keeping_house import APPROVER, PROPOSER, Keeping, keeping_in
from tests.integration.world import NOW


@pytest.fixture
def keeping(fresh: Databases, tmp_path: Path) -> Keeping:
    return keeping_in(fresh, tmp_path)


def stray(keeping: Keeping, content: bytes, days: float) -> bytes:
    """A blob that no row names, as old as that."""
    digest = keeping.house.blobs.put(content)
    long_ago = (keeping.at - timedelta(days=days)).timestamp()
    os.utime(path_of(keeping.house.blobs.root, digest), (long_ago, long_ago))
    return digest


def test_an_old_blob_that_no_row_names_is_shelved_and_then_gone(keeping: Keeping) -> None:
    study = keeping.file("1.2.3")
    for one in keeping.digests(study):
        os.utime(path_of(keeping.house.blobs.root, one), (1, 1))
    old, young = stray(keeping, b"old", 2), stray(keeping, b"young", 0.5)
    aside = stray(keeping, b"kept aside", 3)
    with transaction(keeping.made.system, frozenset()) as conn:
        keep_asides(conn, [Aside(keeping.world.owner, "invalid", "no UID", aside, 10, NOW)])
    assert sweeping.orphans(keeping.house, 100) == Swept(looked_at=5, shelved=1)
    assert keeping.house.blobs.read(old) == b"old", "still found while it lies on the shelf"
    assert sweeping.settle(keeping.house) == Swept()
    keeping.at = keeping.at.now(keeping.at.tzinfo) + timedelta(hours=2)
    assert sweeping.settle(keeping.house) == Swept(removed=1)
    with pytest.raises(NotFound):
        keeping.house.blobs.read(old)
    assert keeping.house.blobs.read(young) == b"young"
    assert keeping.house.blobs.read(aside) == b"kept aside"
    assert [keeping.house.blobs.secure(one) for one in keeping.digests(study)] == [True, True]


def test_a_row_that_came_while_a_blob_was_swept_brings_it_back(keeping: Keeping) -> None:
    content = b"1.2.9 image 0"
    digest = stray(keeping, content, 2)
    assert sweeping.orphans(keeping.house, 100).shelved == 1
    assert not keeping.is_main(digest)
    study = keeping.file("1.2.9", images=1)  # the same bytes come in now
    assert keeping.digests(study) == [digest]
    assert keeping.is_main(digest), "written anew: a writer does not look at the shelf"
    path_of(keeping.house.blobs.root, digest).unlink()  # as if it had not been
    keeping.at = keeping.at.now(keeping.at.tzinfo) + timedelta(hours=2)
    assert sweeping.settle(keeping.house).put_back == 1
    assert keeping.is_main(digest)


def test_a_sweep_goes_on_where_the_last_run_stopped(keeping: Keeping) -> None:
    strays = [stray(keeping, f"stray {n}".encode(), 2) for n in range(5)]
    done = [sweeping.orphans(keeping.house, 2).shelved for _ in range(3)]
    assert sum(done) == 5
    assert not any(keeping.is_main(one) for one in strays)
    with transaction(keeping.made.system, frozenset()) as conn:
        state = service.state(conn, "main")
    assert (state.swept, state.sweep_after, state.sweep_ended_at) == (5, "", keeping.at)


def test_every_column_that_names_a_blob_is_asked(keeping: Keeping) -> None:
    columns = "select table_name, column_name from information_schema.columns where data_type = 'bytea' and table_schema = 'public'"
    with keeping.made.owner.connect() as conn:
        found = {
            f"{t}.{c}" for t, c in conn.execute(sa.text(columns)) if not t.startswith("proc")
        }
    asked = {one for one in found if one.endswith(".digest")}
    others = {
        "audit_events.mac", "gateways.code_digest", "gateways.token_digest", "outgoing.content",
        "received.content", "removal_certificates.content_hash", "series_metadata.content",
        "sessions.secret_digest", "tokens.secret_digest",
    }  # fmt: skip
    assert found - asked <= others, "a column that names blobs must be called digest"
    assert {"instances.digest", "kept_aside.digest", "documents.digest"} <= asked


def test_what_is_unused_gets_cold_is_read_there_and_warmed_when_looked_at(
    keeping: Keeping,
) -> None:
    study = keeping.file("1.2.3")
    digests = keeping.digests(study)
    rule = TierRule(keeping.world.site, keeping.world.owner, unused_days=30)
    with transaction(keeping.made.app, frozenset({keeping.world.owner})) as conn:
        service.set_tier(conn, rule)
    assert tiering.cool(keeping.house) == 0
    keeping.forward(days=31)
    assert tiering.cool(keeping.house) == 1
    assert keeping.place(study) == "cold"
    assert not any(keeping.is_main(one) for one in digests)
    assert keeping.house.blobs.read(digests[0]) == b"1.2.3 image 0"
    assert tiering.warm(keeping.house, study)
    assert keeping.place(study) == "main"
    assert all(keeping.is_main(one) for one in digests)
    assert keeping.house.blobs.cold is not None
    assert list(keeping.house.blobs.cold.listed()) == []


def test_old_studies_get_cold_by_age_and_stay_there_where_the_rule_says_so(
    keeping: Keeping,
) -> None:
    old, new = keeping.file("1.2.3", day="20200101"), keeping.file("1.2.4", day="20261101")
    rule = TierRule(keeping.world.site, keeping.world.owner, age_days=365, warm=False)
    with transaction(keeping.made.app, frozenset({keeping.world.owner})) as conn:
        service.set_tier(conn, rule)
        with pytest.raises(Invalid, match="days"):
            service.set_tier(conn, TierRule(rule.site, rule.owner_group, age_days=0))
    keeping.forward(days=2)
    assert tiering.cool(keeping.house) == 1
    assert (keeping.place(old), keeping.place(new)) == ("cold", "main")
    assert not tiering.warm(keeping.house, old)


def propose(keeping: Keeping) -> deletions.Deletion:
    with transaction(keeping.made.app, frozenset({keeping.world.owner})) as conn:
        site = deletions.network.site(conn, keeping.world.site)
        return deletions.propose(conn, site, "yearly review", PROPOSER, keeping.at)


def test_a_removal_takes_two_people_a_wait_and_leaves_a_certificate(keeping: Keeping) -> None:
    due, held = keeping.file("1.2.3", day="20150101"), keeping.file("1.2.4", day="20150102")
    keeping.file("1.2.5", day="20240101")
    with pytest.raises(Refused, match="cache with a lifetime"):
        propose(keeping)
    keeping.switch(archive=True)
    owner = frozenset({keeping.world.owner})
    found = propose(keeping)
    with transaction(keeping.made.app, owner) as conn:
        assert {one.study for one in deletions.lines(conn, found.id)} == {due, held}
        with pytest.raises(Refused, match="ask another person"):
            deletions.approve(conn, found.id, "agreed", PROPOSER, keeping.at)
        assert (
            deletions.approve(conn, found.id, "agreed", APPROVER, keeping.at).state == APPROVED
        )
    with pytest.raises(Invalid, match="nothing more"):
        propose(keeping)
    assert removing.execute(keeping.house) == 0, "the waiting time is not over"
    with transaction(keeping.made.app, owner) as conn:
        hold = service.hold(
            conn, keeping.world.owner, held, None, "subpoena 26-17", PROPOSER, keeping.at
        )
        with pytest.raises(Conflict):
            service.hold(conn, keeping.world.owner, held, None, "again", PROPOSER, keeping.at)
    digests = keeping.digests(due)
    keeping.forward(days=8)
    assert removing.execute(keeping.house) == 1
    with transaction(keeping.made.system, frozenset()) as conn:
        (certificate,) = deletions.certificates(conn, found.id)
        lines = {one.study: (one.state, one.why) for one in deletions.lines(conn, found.id)}
        assert deletions.get(conn, found.id).state == EXECUTED
    assert (certificate.study, certificate.images, certificate.rule) == (due, 2, "RAD5")
    assert (certificate.proposed_by, certificate.approved_by) == (PROPOSER.name, APPROVER.name)
    uids = [b"1.2.3.0.0", b"1.2.3.1.1"]
    said = b"".join(
        u + b"\0" + hashlib.sha256(b"1.2.3 image %d" % n).digest() for n, u in enumerate(uids)
    )
    assert certificate.content_hash == hashlib.sha256(said).digest()
    assert lines[held] == (SPARED, "on legal hold")
    assert keeping.place(due) == "removed"
    assert [one.digest for one in keeping.house.blobs.main.shelf(SWEPT)] == sorted(digests)
    assert all(keeping.is_main(one) for one in keeping.digests(held))
    with (
        pytest.raises(Exception, match="permission denied"),
        transaction(keeping.made.system, frozenset()) as conn,
    ):
        conn.execute(sa.text("delete from removal_certificates"))
    with transaction(keeping.made.app, owner) as conn:
        assert (
            service.lift(conn, hold.id, "case closed", APPROVER, keeping.at).lifted_by
            == "Abe Approver"
        )
        with pytest.raises(Conflict):
            service.lift(conn, hold.id, "case closed", APPROVER, keeping.at)


def test_a_removal_is_undone_until_it_is_executed(keeping: Keeping) -> None:
    study = keeping.file("1.2.3", day="20150101")
    keeping.switch(archive=True)
    found = propose(keeping)
    with transaction(keeping.made.app, frozenset({keeping.world.owner})) as conn:
        deletions.approve(conn, found.id, "agreed", APPROVER, keeping.at)
        deletions.undo(conn, found.id, "a trial needs them", PROPOSER, keeping.at)
    keeping.forward(days=30)
    assert removing.execute(keeping.house) == 0
    assert keeping.place(study) == "main"


def test_bytes_that_another_group_holds_too_stay_when_one_of_them_removes_them(
    keeping: Keeping,
) -> None:
    study = keeping.file("1.2.3", day="20150101", images=1)
    (digest,) = keeping.digests(study)
    with transaction(keeping.made.system, frozenset()) as conn:
        keep_asides(conn, [Aside(keeping.world.partner, "invalid", "x", digest, 10, NOW)])
    keeping.switch(archive=True)
    found = propose(keeping)
    with transaction(keeping.made.app, frozenset({keeping.world.owner})) as conn:
        deletions.approve(conn, found.id, "agreed", APPROVER, keeping.at)
    keeping.forward(days=8)
    assert removing.execute(keeping.house) == 1
    assert keeping.is_main(digest)


def test_the_house_knows_how_full_its_places_are_and_when_they_were_scrubbed(
    keeping: Keeping,
) -> None:
    study = keeping.file("1.2.3")
    store_looks.look(keeping.house)
    store_looks.count(keeping.house)
    assert scrubbing.run(keeping.house, 10).whole_round
    bad = path_of(keeping.house.blobs.root, keeping.digests(study)[0])
    bad.write_bytes(b"x" * bad.stat().st_size)
    assert scrubbing.run(keeping.house, 10).damaged == 1
    with transaction(keeping.made.app, frozenset({keeping.world.owner})) as conn:
        states = service.states(conn)
        (count,) = service.counts(conn, [keeping.world.owner])
    assert states["main"].free_bytes
    assert (states["main"].scrub_read, states["main"].damaged) == (2, 1)
    assert states["main"].scrub_ended_at == keeping.at
    assert states["cold"].trouble == ""
    assert (count.site, count.place, count.studies, count.images) == (
        keeping.world.site,
        "main",
        1,
        2,
    )
