"""Facts on record: recorded, renewed, ended, reminded of, imported; and verdicts of the past."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import ProgrammingError

from confrere.database.engine import transaction
from confrere.files.folder import BlobStore
from confrere.kernel.errors import Conflict, Invalid, NotFound, Refused
from confrere.kernel.ids import ReaderId
from confrere.network import credentialing
from confrere.network import service as network
from confrere.network.credentials import Exclusion, SanctionCheck
from confrere.network.importing import Known, read_table
from confrere.network.kinds import KINDS
from confrere.network.model import Licence, Privilege, Reader
from confrere.network.records import Recorded
from confrere.network.rules import BUILT_IN
from confrere.worklist import claims
from confrere.worklist import service as worklist
from confrere.worklist.assigning import Attestation, assign_attested
from confrere.worklist.dispatch import dispatch
from confrere.worklist.model import Item
from tests.database import Databases
from tests.integration.test_worklist import LEASE, offered
from tests.integration.world import NOW, World, build, reader

BY = Recorded("Pat Quill", NOW)
PDF = b"%PDF-1.7\n1 0 obj\n"
TODAY = NOW.date()


def licence_of(conn: Connection, world: World) -> UUID:
    held = credentialing.held(conn, world.neuro)
    return next(one.id for one in held if isinstance(one.fact, Licence))


def lapsed(days: int = 1) -> Licence:
    return Licence("IL", "IL-1", "active", date(2020, 1, 1), TODAY - timedelta(days=days))


def test_a_lapsed_licence_ends_the_offer_and_its_renewal_brings_it_back(
    conn: Connection,
) -> None:
    world = build(conn)
    item = offered(conn, world)
    short = credentialing.renew(conn, licence_of(conn, world), lapsed(), BY)
    dispatch(conn, network.directory(conn, NOW), NOW)
    assert worklist.get(conn, item.id).offered_to is None
    later = NOW + timedelta(minutes=5)
    judged, kept = worklist.why(conn, item, world.neuro, later)
    said = [one for one in judged if not one.holds]
    assert [(one.rule, one.remedy) for one in said] == [("LIC_PATIENT", "renew it")]
    assert "lapsed 2026-11-23" in said[0].because
    assert kept is not None
    renewed = replace(lapsed(), valid_to=TODAY + timedelta(days=700))
    credentialing.renew(conn, short, renewed, Recorded("Pat Quill", later))
    dispatch(conn, network.directory(conn, later), later)
    assert worklist.get(conn, item.id).offered_to == world.neuro


def test_the_past_is_judged_by_what_was_on_record_then(conn: Connection) -> None:
    world = build(conn)
    item = offered(conn, world)
    before = network.directory(conn, NOW).version
    later = NOW + timedelta(hours=2)
    ended = Recorded("Pat Quill", later)
    credentialing.end(conn, licence_of(conn, world), "revoked by the board", ended)
    now_judged, _ = worklist.why(conn, item, world.neuro, later)
    then_judged, proof = worklist.why(conn, item, world.neuro, NOW + timedelta(hours=1))
    assert [one.rule for one in now_judged if not one.holds] == ["LIC_PATIENT"]
    assert all(one.holds for one in then_judged)
    assert proof is not None
    assert proof.facts_version == before
    assert network.directory(conn, later).version > before
    assert {one.rule: one.outcome for one in proof.verdicts}["TAT_FEAS"] in ("holds", "fails")


def test_an_early_renewal_leaves_the_present_term_until_its_last_day(conn: Connection) -> None:
    world = build(conn)
    old = licence_of(conn, world)
    term = Licence("IL", "IL-1", "active", date(2035, 1, 2), date(2037, 1, 1))
    credentialing.renew(conn, old, term, BY)
    held = [one for one in credentialing.held(conn, world.neuro) if one.kind.code == "licence"]
    assert {one.ended_at for one in held} == {None}
    assert len(held) == 2
    late = date(2034, 12, 30)
    due = [one.id for one in credentialing.expiring(conn, [world.partner], late)]
    assert old not in due, "what was renewed is no longer due"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda old: replace(old, valid_to=date(2019, 1, 1)), "before it starts"),
        (lambda old: old, "nothing was changed"),
        (lambda _: SanctionCheck("SAM", TODAY, "clear"), "its own kind"),
    ],
)
def test_a_wrong_renewal_is_refused(
    conn: Connection, change: Callable[[object], Licence], says: str
) -> None:
    world = build(conn)
    old = credentialing.get(conn, licence_of(conn, world))
    with pytest.raises(Invalid, match=says):
        credentialing.renew(conn, old.id, change(old.fact), BY)


def test_what_was_ended_meanwhile_is_neither_renewed_nor_ended_again(conn: Connection) -> None:
    world = build(conn)
    old = licence_of(conn, world)
    with pytest.raises(Invalid, match="say why"):
        credentialing.end(conn, old, " ", BY)
    credentialing.end(conn, old, "surrendered", BY)
    with pytest.raises(Conflict):
        credentialing.end(conn, old, "again", BY)
    with pytest.raises(Conflict):
        credentialing.renew(conn, old, lapsed(), BY)
    past = credentialing.held(conn, world.neuro, ended=True)
    assert [one.ended_because for one in past if one.id == old] == ["surrendered"]


def test_the_database_lets_a_group_record_for_its_own_readers_only(fresh: Databases) -> None:
    with transaction(fresh.system, frozenset()) as conn:
        world = build(conn)
    scope = frozenset({world.partner})
    with transaction(fresh.app, scope) as conn:
        credentialing.record(conn, world.neuro, None, lapsed(9), BY)
        credentialing.end(conn, licence_of(conn, world), "moved away", BY)
    for change in ("update credentials set details = '{}'", "delete from credentials"):
        with pytest.raises(ProgrammingError), transaction(fresh.app, scope) as conn:
            conn.execute(sa.text(change))
    with pytest.raises(ProgrammingError), transaction(fresh.app, scope) as conn:
        credentialing.record(conn, world.general, None, lapsed(9), BY)


def test_a_readers_npi_belongs_to_one_group(conn: Connection) -> None:
    world = build(conn)
    twin = reader(world.owner, "Novak, Nina", {"neuro"}, world.site, "IL", NOW)
    with pytest.raises(Conflict, match=r"Novak, Nina's of Prairie; a reader belongs to one"):
        network.add_reader(conn, twin)


def test_reminders_come_once_for_each_threshold(conn: Connection) -> None:
    world = build(conn)
    made = credentialing.record(
        conn, world.neuro, None, replace(lapsed(), valid_to=TODAY + timedelta(days=95)), BY
    )

    def told(days: int) -> list[int]:
        credentialing.remind(conn, NOW + timedelta(days=days))
        found = [one for one in credentialing.reminders(conn) if one.credential == made]
        return sorted(one.threshold for one in found)

    assert told(0) == []
    assert told(5) == [90]
    assert told(6) == [90]
    assert told(70) == [30, 90]
    assert told(90) == [7, 30, 90]
    assert told(97) == [0, 7, 30, 90]
    assert told(98) == [0, 7, 30, 90]
    first = credentialing.reminders(conn)[0]
    credentialing.see_reminder(conn, first.id, "Pat", NOW)
    assert first.id not in {one.id for one in credentialing.reminders(conn)}
    credentialing.end(conn, made, "surrendered", BY)
    assert made not in {one.credential for one in credentialing.reminders(conn)}


def test_a_document_is_what_its_bytes_say(conn: Connection, tmp_path: Path) -> None:
    world, blobs = build(conn), BlobStore(tmp_path)
    held = licence_of(conn, world)
    made = credentialing.attach(conn, blobs, held, "../IL licence.exe", PDF, BY)
    assert (made.name, made.media_type) == ("..IL licence.pdf", "application/pdf")
    assert blobs.read(made.digest) == PDF
    assert [one.id for one in credentialing.documents(conn, world.neuro)] == [made.id]
    for content in (b"MZ\x90\x00", b"", b"<html>"):
        with pytest.raises(Invalid):
            credentialing.attach(conn, blobs, held, "licence.pdf", content, BY)
    with pytest.raises(NotFound):
        credentialing.document(conn, UUID(int=1))


def test_an_exclusion_stands_in_the_way_until_it_is_withdrawn(conn: Connection) -> None:
    world = build(conn)
    item = offered(conn, world)
    made = credentialing.exclude(
        conn, world.owner, Exclusion(world.neuro, "excluded by the site", site=world.site), BY
    )
    dispatch(conn, network.directory(conn, NOW), NOW)
    assert worklist.get(conn, item.id).offered_to is None
    later = NOW + timedelta(minutes=1)
    credentialing.end_exclusion(conn, made, later)
    assert not network.directory(conn, later).exclusions
    with pytest.raises(NotFound):
        credentialing.end_exclusion(conn, made, later)
    with pytest.raises(Invalid, match="name the patient or the site"):
        credentialing.exclude(conn, world.owner, Exclusion(world.neuro, "relative"), BY)


def test_a_rule_that_was_ended_is_not_judged_from_then_on(conn: Connection) -> None:
    world = build(conn)
    item = offered(conn, world)
    rule = next(one for one in BUILT_IN if one.code == "SANCTION")
    later = NOW + timedelta(hours=1)
    ended = replace(rule, effective_to=TODAY - timedelta(days=1))
    credentialing.change_rule(conn, ended, Recorded("Counsel", later))
    judged, _ = worklist.why(conn, item, world.neuro, later)
    before, _ = worklist.why(conn, item, world.neuro, NOW)
    assert "SANCTION" not in {one.rule for one in judged}
    assert "SANCTION" in {one.rule for one in before}
    with pytest.raises(Invalid, match="ends before it starts"):
        credentialing.change_rule(conn, replace(rule, effective_to=date(1990, 1, 1)), BY)


def known(world: World, someone: Reader) -> Known:
    return Known(
        {someone.npi: someone.id}, {"1999999992": "Lakeshore"}, {"LMH": world.site}, {}
    )


def test_an_import_is_whole_or_nothing_and_says_what_is_wrong_where(conn: Connection) -> None:
    world = build(conn)
    someone = network.reader(conn, world.neuro, NOW)
    kind, heads = (
        KINDS["licence"],
        ["npi", "state", "number", "status", "valid_from", "valid_to"],
    )
    good = [someone.npi, "WI", "77", "active", "2026-01-01", "2027-06-30"]
    table = [
        heads, good, ["1999999992", *good[1:]], [someone.npi, "ZZ", *good[2:]],
        [someone.npi, "WI", "78", "active", "2027-01-01", "2026-01-01"], good, ["", *good[1:]],
    ]  # fmt: skip
    plan = read_table(kind, table, known(world, someone))
    assert [(one.line, one.column) for one in plan.problems] == [
        (3, "npi"), (4, "state"), (5, "valid_to"), (6, ""), (7, "npi"),
    ]  # fmt: skip
    assert all(one.remedy for one in plan.problems)
    assert "belongs to Lakeshore" in plan.problems[0].says
    with pytest.raises(Invalid, match="nothing was imported"):
        credentialing.carry_out(conn, plan, BY)
    plan = read_table(kind, [heads, good], known(world, someone))
    assert credentialing.carry_out(conn, plan, BY) == 1
    assert credentialing.carry_out(conn, plan, BY) == 0, "the same file again changes nothing"


def test_wrong_columns_are_named(conn: Connection) -> None:
    world = build(conn)
    someone = network.reader(conn, world.neuro, NOW)
    table = [["NPI", "State", "colour", "State"], [someone.npi, "IL", "red", "IL"]]
    plan = read_table(KINDS["licence"], table, known(world, someone))
    assert not plan.rows
    columns = [one.column for one in plan.problems]
    assert columns == ["colour", "number", "status", "valid_from", "valid_to", "state"]
    assert read_table(KINDS["licence"], [], known(world, someone)).problems


REASON = "Nobody credentialed is reachable; haemorrhage suspected"


def stuck(conn: Connection) -> tuple[World, Item]:
    world = build(conn)
    item = offered(conn, world)
    credentialing.end(conn, licence_of(conn, world), "revoked", BY)
    dispatch(conn, network.directory(conn, NOW), NOW)
    return world, worklist.get(conn, item.id)


def test_a_chief_assigns_an_emergency_that_nobody_may_read_and_the_proof_says_so(
    conn: Connection,
) -> None:
    world, item = stuck(conn)
    neuro = network.reader(conn, world.neuro, NOW)
    chief = Attestation("Dr Chief", world.owner, REASON)
    given = assign_attested(conn, item, neuro, chief, NOW)
    assert given.offered_to == world.neuro
    dispatch(conn, network.directory(conn, NOW), NOW)
    after = worklist.get(conn, item.id)
    assert after.offered_to == world.neuro, "the dispatcher leaves it with them"
    proof = worklist.proofs_of(conn, item.id)[-1]
    assert (proof.act, proof.eligible, proof.attested_by) == ("assign", False, "Dr Chief")
    assert proof.attestation == REASON
    taken = claims.claim(conn, after, neuro, network.directory(conn, NOW), NOW, LEASE)
    assert taken.held_by == world.neuro


def test_an_attestation_has_bounds(conn: Connection) -> None:
    world, item = stuck(conn)
    neuro = network.reader(conn, world.neuro, NOW)

    def attempt(
        who: Reader = neuro, group: object = world.owner, reason: str = REASON, **changes: str
    ) -> None:
        asked = replace(item, **changes)  # type: ignore[arg-type]
        chief = Attestation("Chief", group, reason)  # type: ignore[arg-type]
        assign_attested(conn, asked, who, chief, NOW)

    with pytest.raises(Refused, match="owns the exam"):
        attempt(group=world.partner)
    with pytest.raises(Refused, match="stroke, STAT or ED"):
        attempt(priority="routine")
    with pytest.raises(Invalid, match="reason"):
        attempt(reason="urgent")
    excluded = SanctionCheck("SAM", TODAY, "excluded")
    with pytest.raises(Refused, match="no attestation overrides SANCTION"):
        attempt(replace(neuro, checks=(*neuro.checks, excluded)))
    with pytest.raises(Refused, match="no attestation overrides ACTIVE"):
        attempt(replace(neuro, active=False))
    network.add_credentials(
        conn, world.general, [Privilege(world.site, "CT", "full", date(2020, 1, 1), TODAY)]
    )
    colleague = reader(world.partner, "Rowe, Rita", {"neuro"}, world.site, "IL", NOW)
    network.add_reader(conn, replace(colleague, id=ReaderId(UUID(int=0))))
    with pytest.raises(Refused, match="1 on duty may read this exam"):
        attempt()
