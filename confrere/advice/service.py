"""What can be done with advice on orders. The caller owns the transaction."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection

from confrere.advice import gathering, store
from confrere.advice.judging import cards_of
from confrere.advice.model import (
    ACCEPTED,
    CANCELLED,
    CHANGED,
    DECISIONS,
    DUPLICATE,
    GO_ON,
    HL7,
    OVERRIDDEN,
    Asked,
    Card,
    Effect,
    Given,
    Prior,
)
from confrere.advice.repeating import previous_of
from confrere.chart import service as chart
from confrere.chart.kidneys import kidneys
from confrere.imaging import service as imaging
from confrere.kernel.errors import Invalid, NotFound
from confrere.kernel.ids import GroupId, OrderId, PatientId, SiteId
from confrere.kernel.periods import years_between
from confrere.network import service as network
from confrere.orders import appropriateness_rules, similar
from confrere.orders import model as orders_model
from confrere.orders import service as orders
from confrere.orders.appropriateness import AppropriatenessRule, Circumstances, egfr_in
from confrere.orders.duplicates import WINDOWS
from confrere.orders.model import Order
from confrere.orders.similar import LONGEST, Window
from confrere.patients import service as patients
from confrere.reading import service as reading

BEFORE_THE_ORDER = timedelta(days=7)  # advice and the order that follows it
LONGEST_REASON = 300
RECENT_DAYS = 366
NO_FEEDBACK = "accepted or overridden: no ordering system has sent feedback in this period"
NO_EXAMS = "repeat rate: no completed order has come by a feed in this period"


def windows(conn: Connection, owner: GroupId) -> tuple[Window, ...]:
    """How recent counts for a group: the program's windows with what it changed."""
    return similar.as_changed(store.windows(conn, owner))


def rules(conn: Connection, owner: GroupId) -> tuple[AppropriatenessRule, ...]:
    """A group's rules: the program's examples with what it changed, then what it loaded."""
    own = {one.code: one for one in store.rules(conn, owner)}
    built = [own.pop(one.code, one) for one in appropriateness_rules.BUILT_IN]
    return (*built, *own.values())


def change_window(conn: Connection, owner: GroupId, new: Window, by: str, at: datetime) -> None:
    """Change how many days count; what it was is kept. Invalid names the field."""
    if new.code not in similar.CODES:
        raise NotFound("no such window")
    if not 0 <= new.days <= LONGEST:
        raise Invalid(f"give 0 (no alert) to {LONGEST} days", "days")
    _check_dates(new.effective_from, new.effective_to)
    store.keep_window(conn, owner, new, by, at)


def change_rule(
    conn: Connection, owner: GroupId, new: AppropriatenessRule, by: str, at: datetime
) -> AppropriatenessRule:
    """Change a rule's source, owner or dates under its next version; what it was is kept."""
    known = {one.code: one for one in rules(conn, owner)}
    if new.code not in known:
        raise NotFound("no such rule")
    _check_dates(new.effective_from, new.effective_to)
    changed = replace(new, version=known[new.code].version + 1)
    store.keep_rule(conn, owner, changed, by, at)
    return changed


def load_rules(
    conn: Connection, owner: GroupId, new: Sequence[AppropriatenessRule], by: str, at: datetime
) -> int:
    """Keep the rules of a file; return how many are new or other than before."""
    known = {one.code: one for one in rules(conn, owner)}
    news = [one for one in new if known.get(one.code) != one]
    for one in news:
        store.keep_rule(conn, owner, one, by, at)
    return len(news)


def _check_dates(first: date, last: date | None) -> None:
    if last is not None and last < first:
        raise Invalid("the last day is before the first", "effective_to")


def advise(conn: Connection, asked: Asked) -> tuple[Card, ...]:
    """The cards for an order; nothing is kept. Sees only what this connection may see."""
    priors = gathering.priors_of(conn, asked)
    return _cards(conn, asked, priors)


def _cards(conn: Connection, asked: Asked, priors: Sequence[Prior]) -> tuple[Card, ...]:
    day = asked.exam.on - timedelta(days=RECENT_DAYS)
    recent = tuple(one.exam for one in priors if one.exam.on >= day and not one.waiting)
    whole = replace(asked, known=replace(asked.known, recent=recent))
    sites = {one.id: one for one in network.sites(conn)}
    return cards_of(
        whole, priors, windows(conn, asked.owner_group), rules(conn, asked.owner_group), sites
    )


def give(conn: Connection, asked: Asked, cards: Sequence[Card], at: datetime) -> list[Given]:
    """Keep the cards that are shown for a request; asking again finds the same ones."""
    return [store.give(conn, asked, one, at) for one in cards]


def asked_of(conn: Connection, order: Order, at: datetime) -> Asked:
    """What an order asks, for the rules. eGFR is what its notes tell, else the chart."""
    said = order.content
    exam = gathering.exam_of(order, (said.ordered_at or at).date())
    return Asked(
        order.owner_group, order.site, order.patient, exam,
        circumstances(
            conn, order.patient, said.clinical_question, said.diagnoses, exam.on,
            egfr_in(f"{said.notes}\n{said.clinical_question}"),
        ),
        f"order:{order.id}", HL7, order.id, said.accession, said.placer_number,
        said.procedure_code,
    )  # fmt: skip


def circumstances(
    conn: Connection, patient: PatientId, question: str, diagnoses: Sequence[str], day: date,
    egfr: float | None,
) -> Circumstances:  # fmt: skip
    """What is known of the patient on the day of the order.

    `egfr` is what the order tells; without it the newest of the chart counts.
    """
    known = patients.get_many(conn, [patient])
    if egfr is None:
        same = [one.id for who in known for one in patients.same_person(conn, who)]
        egfr = kidneys(chart.beside(conn, same, []).labs, day)
    said = known[0].demographics if known else None
    age = years_between(said.birth_date, day) if said and said.birth_date else None
    sex = said.sex if said else ""
    return Circumstances(question, tuple(diagnoses), age, sex, egfr)


def order_changed(conn: Connection, order: Order, at: datetime) -> list[Given]:
    """An order came by HL7 or changed: advise on it, or follow what became of the advice.

    Nothing is advised on an exam that is made already, nor twice through two channels.
    """
    said = order.content
    same = [one.id for one in patients.same_person(conn, patients.get(conn, order.patient))]
    since = (said.ordered_at or at) - BEFORE_THE_ORDER
    store.tie(
        conn, order.owner_group, order.site, same, said.placer_number, said.procedure_code,
        order.id, since,
    )  # fmt: skip
    known = store.find(conn, order.owner_group, order=order.id)
    if said.status == orders_model.CANCELLED:
        store.set_fate(conn, order.id, CANCELLED, at)
        return []
    if any(_is_another(one, order) for one in known):
        store.set_fate(conn, order.id, CHANGED, at)
    if known or said.status != orders_model.ORDERED:
        return known
    asked = asked_of(conn, order, at)
    return give(conn, asked, advise(conn, asked), at)


def _is_another(given: Given, order: Order) -> bool:
    """Say whether the order asks for another exam than when the advice was shown."""
    coded = bool(given.procedure_code and order.content.procedure_code)
    return coded and given.procedure_code != order.content.procedure_code


def feedback(
    conn: Connection, owner: GroupId, site: SiteId | None, card: UUID, outcome: str,
    reason: str, by: str, at: datetime,
) -> None:  # fmt: skip
    """What a clinician made of a card; NotFound where it was not shown to this caller's site."""
    if outcome not in (ACCEPTED, OVERRIDDEN):
        raise Invalid("the outcome is accepted or overridden", "outcome")
    if not store.find(conn, owner, site=site, ids=[card]):
        raise NotFound("no such card was shown to your site")
    store.decide(conn, owner, [card], outcome, reason[:LONGEST_REASON], by, at)


def decide(
    conn: Connection, owner: GroupId, card: UUID, decision: str, reason: str, by: str,
    at: datetime,
) -> Given:  # fmt: skip
    """At protocoling: go on (with a reason), changed, cancelled. It never touches the order."""
    if decision not in DECISIONS:
        raise Invalid(f"choose one of {', '.join(DECISIONS)}", "decision")
    if decision == GO_ON and not reason.strip():
        raise Invalid("say why the exam goes on", "reason")
    found = given(conn, owner, card)
    store.decide(conn, owner, [card], decision, reason.strip()[:LONGEST_REASON], by, at)
    return found


def take_back(conn: Connection, owner: GroupId, card: UUID) -> Given:
    """Undo a decision of protocoling."""
    found = given(conn, owner, card)
    if found.outcome not in DECISIONS:
        raise Invalid("only what was decided on this page can be taken back", "decision")
    store.decide(conn, owner, [card], "", "", "", found.shown_at)
    return found


def given(conn: Connection, owner: GroupId, card: UUID) -> Given:
    """One card that was shown; NotFound, also when it is another group's."""
    found = store.find(conn, owner, ids=[card])
    if not found:
        raise NotFound("no such advice")
    return found[0]


def listing(
    conn: Connection, owner: GroupId, site: SiteId | None, since: datetime, *,
    undecided: bool,
) -> list[Given]:  # fmt: skip
    """Advice of a group, or of one of its sites, newest first."""
    return store.find(conn, owner, site=site, since=since, undecided=undecided)


def of_orders(conn: Connection, owner: GroupId, ids: Sequence[OrderId]) -> list[Given]:
    """The advice on these orders."""
    return [one for order in ids for one in store.find(conn, owner, order=order)]


def note_exam(conn: Connection, order: Order, at: datetime) -> None:
    """Keep what a completed exam is to the one before it, and the next one to it.

    Runs as the system role; another group's exams count only as far as they may be seen.
    """
    done = (orders_model.COMPLETE, orders_model.REPORTED)
    if order.content.status == orders_model.CANCELLED:
        store.forget_repeat(conn, order.id)
    if order.content.status not in done:
        return
    asked = replace(asked_of(conn, order, at), order=None, accession="", placer_number="")
    history = [one for one in gathering.priors_of(conn, asked) if not one.waiting]
    for row in previous_of(order.id, history):
        store.note_repeat(conn, row)


def effect(
    conn: Connection, owner: GroupId, site: SiteId | None, since: datetime, until: datetime
) -> Effect:
    """The measured effect over a period, of a group or of one of its sites."""
    tallies = tuple(store.tallies(conn, owner, site, since, until))
    end = store.data_end(conn, owner, site)
    repeats = (
        tuple(store.repeats(conn, owner, site, since.date(), end, days) for days in WINDOWS)
        if end
        else ()
    )
    missing = [NO_EXAMS] if not end or not any(one.eligible for one in repeats) else []
    if not any(one.accepted or one.overridden for one in tallies):
        missing.append(NO_FEEDBACK)
    return Effect(
        tallies, tuple(store.reasons(conn, owner, site, since, until)), repeats, end,
        tuple(missing),
    )  # fmt: skip


def duplicates_of(cards: Sequence[Card]) -> list[Prior]:
    """The earlier exams that cards name."""
    return [one.prior for one in cards if one.kind == DUPLICATE and one.prior is not None]


def whose(conn: Connection, prior: Prior) -> set[PatientId]:
    """The identity under which an earlier exam was made."""
    if prior.order is not None:
        return {one.patient for one in orders.get_many(conn, [prior.order])}
    if prior.study is not None:
        found = imaging.study(conn, prior.study).patient_id
        return {found} if found else set()
    if prior.report is not None:
        patient = reading.get(conn, prior.report).patient
        return {patient} if patient else set()
    return set()
