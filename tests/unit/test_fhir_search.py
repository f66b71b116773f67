"""What a FHIR search asks for, read from text: dates, tokens, references, pages."""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar
from urllib.parse import urlencode
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from confrere.fhir import elements, pages, periods
from confrere.fhir.diagnostic_report import DIAGNOSTIC_REPORT
from confrere.fhir.door import RESOURCES
from confrere.fhir.outcome import TABLE, of_error
from confrere.fhir.parameters import Criteria, Token, criterion
from confrere.fhir.patients import PATIENT
from confrere.fhir.query import MOST_COUNT, pairs, read
from confrere.kernel.errors import DomainError, Invalid, NotFound
from confrere.kernel.periods import Place, Span, common

BASE = "https://reads.example/fhir"
KEY = UUID("00000000-0000-4000-8000-000000000001")
Result = TypeVar("Result")
NAMES = sorted({one.name for r in RESOURCES.values() for one in r.parameters})


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def criteria(*asked: tuple[str, str], kind: str = "DiagnosticReport") -> Criteria:
    return read(RESOURCES[kind], asked, BASE, strict=True, form=False).criteria


def refusal(action: Callable[[], Result]) -> tuple[Result | None, str | None]:
    """Return what comes of it, or the field that is refused."""
    try:
        return action(), None
    except Invalid as refused:
        return None, refused.field


@pytest.mark.parametrize(
    ("value", "start", "end"),
    [
        ("2026", "2026-01-01", "2027-01-01"),
        ("2026-02", "2026-02-01", "2026-03-01"),
        ("2026-12", "2026-12-01", "2027-01-01"),
        ("2024-02-29", "2024-02-29", "2024-03-01"),
        ("2026-01-31T08:30", "2026-01-31T08:30", "2026-01-31T08:31"),
        ("2026-01-31T08:30:15Z", "2026-01-31T08:30:15", "2026-01-31T08:30:16"),
        ("2026-01-31T08:30:15.25Z", "2026-01-31T08:30:15.25", "2026-01-31T08:30:15.26"),
        ("2026-01-31T00:30:00+01:00", "2026-01-30T23:30", "2026-01-30T23:30:01"),
        ("2026-01-31T00:30:00 01:00", "2026-01-30T23:30", "2026-01-30T23:30:01"),
    ],
)
def test_a_date_covers_what_its_precision_says(value: str, start: str, end: str) -> None:
    low, high = at(start), at(end)
    assert periods.instants("date", value) == (Span(low, high),)
    assert periods.instants("date", f"ge{value}") == (Span(low, None),)
    assert periods.instants("date", f"le{value}") == (Span(None, high),)
    assert periods.instants("date", f"gt{value}") == (Span(high, None),)
    assert periods.instants("date", f"lt{value}") == (Span(None, low),)
    assert periods.instants("date", f"ne{value}") == (Span(None, low), Span(high, None))


@given(st.datetimes(timezones=st.just(UTC), min_value=datetime(1900, 1, 1)))  # noqa: DTZ001
def test_a_written_instant_reads_back_as_the_microsecond_it_names(moment: datetime) -> None:
    (span,) = periods.instants("date", elements.instant(moment))
    assert span == (moment, moment + timedelta(microseconds=1))


@given(st.text(alphabet="0123456789-:TZ+.eqgtln ", max_size=30))
def test_any_text_is_a_date_or_is_refused_by_its_parameter(text: str) -> None:
    spans, field = refusal(lambda: periods.instants("issued", text))
    assert field == "issued" if spans is None else field is None
    for span in spans or ():
        assert span.starts is None or span.ends is None or span.starts < span.ends


def test_a_birth_date_has_no_time_of_day() -> None:
    assert periods.days("birthdate", "1970-01-31") == (
        Span(date(1970, 1, 31), date(1970, 2, 1)),
    )
    with pytest.raises(Invalid):
        periods.days("birthdate", "1970-01-31T08:00:00Z")


def test_the_same_parameter_again_narrows_and_values_widen() -> None:
    asked = criteria(("date", "2026-01,2026-03"), ("date", "ge2026-03-15"))
    assert asked.instants("date") == (Span(at("2026-03-15"), at("2026-04-01")),)
    assert criteria().instants("date") is None
    assert criteria(("date", "2025"), ("date", "2026")).instants("date") == ()


spans = st.lists(
    st.tuples(
        st.none() | st.dates(max_value=date(2000, 1, 1)),
        st.none() | st.dates(min_value=date(2000, 1, 2)),
    ).map(lambda pair: Span(*pair)),
    max_size=4,
)


@given(spans, spans, st.dates())
def test_common_spans_hold_exactly_what_both_hold(
    one: list[Span], other: list[Span], day: date
) -> None:
    def holds(these: list[Span] | tuple[Span, ...]) -> bool:
        return any(
            (s.starts is None or s.starts <= day) and (s.ends is None or day < s.ends)
            for s in these
        )

    assert holds(common(one, other)) == (holds(one) and holds(other))


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("x", [Token(None, "x")]),
        ("s|x", [Token("s", "x")]),
        ("|x", [Token("", "x")]),
        ("s|", [Token("s", None)]),
        ("a,b", [Token(None, "a"), Token(None, "b")]),
        (r"a\,b", [Token(None, "a,b")]),
        (r"a\|b", [Token(None, "a|b")]),
        (r"s\|1|x\|y", [Token("s|1", "x|y")]),
        (r"s\\|x", [Token("s\\", "x")]),
        (r"a\$b\q" + "\\", [Token(None, "a$b\\q\\")]),
    ],
)
def test_tokens_are_split_and_unescaped(text: str, tokens: list[Token]) -> None:
    assert criteria(("identifier", text)).tokens("identifier") == [tokens]


def test_references_are_ours_by_id_by_type_or_by_address() -> None:
    for text in (f"{KEY}", f"Patient/{KEY}", f"{BASE}/Patient/{KEY}"):
        assert criteria(("subject", text)).references("subject") == {KEY}
    for text in (f"Group/{KEY}", f"http://else/fhir/Patient/{KEY}", "x", str(KEY).upper()[:-1]):
        assert criteria(("subject", text)).references("subject") == frozenset()
    assert criteria().references("subject", "patient") is None
    with pytest.raises(Invalid):
        criteria(("subject:Group", str(KEY)))


def test_codes_answer_for_their_own_system_only() -> None:
    asked = criteria(("status", "s|final,preliminary"), ("status", "final"))
    assert asked.codes("status", "s", ("final", "preliminary")) == {"final"}
    assert asked.codes("status", "t", ("final", "preliminary")) == frozenset()
    assert criteria().codes("status", "s", ("final",)) is None


@settings(max_examples=60)
@given(st.sampled_from(sorted(RESOURCES)), st.sampled_from([*NAMES, "_count", "_page",
       "_include", "_format", "shoe"]), st.text(max_size=40), st.text(max_size=8),
       st.booleans())  # fmt: skip
def test_any_search_is_read_or_refused(
    kind: str, name: str, value: str, modifier: str, strict: bool
) -> None:
    text = urlencode([(f"{name}:{modifier}" if modifier else name, value)], errors="replace")
    query, field = refusal(
        lambda: read(RESOURCES[kind], pairs(text), BASE, strict=strict, form=False)
    )
    if query is None:
        assert field
    else:
        assert 1 <= query.count <= MOST_COUNT
        assert pages.NAME not in dict(query.kept)


def test_too_many_parameters_or_values_are_refused() -> None:
    with pytest.raises(Invalid):
        pairs("&".join(["a=b"] * 65))
    with pytest.raises(Invalid):
        criteria(("_id", ",".join(["x"] * 101)))


def test_includes_are_what_a_type_refers_to() -> None:
    query = read(
        DIAGNOSTIC_REPORT, [("_include", "DiagnosticReport:based-on")], BASE,
        strict=True, form=False,
    )  # fmt: skip
    assert [one.element for one in query.includes] == ["basedOn"]
    with pytest.raises(Invalid):
        read(PATIENT, [("_include", "Patient:name")], BASE, strict=False, form=False)


@given(st.datetimes(timezones=st.just(UTC)), st.uuids(), st.booleans())
def test_a_page_token_reads_back_and_holds_a_time_and_an_id_only(
    moment: datetime, key: UUID, form: bool
) -> None:
    place = Place(moment, key)
    assert pages.place_of(pages.token(place, form=form), form=True) == place
    if form:
        with pytest.raises(Invalid, match="POST the same form"):
            pages.place_of(pages.token(place, form=form), form=False)


@given(
    st.text(max_size=60)
    | st.binary(max_size=40).map(lambda raw: urlsafe_b64encode(raw).decode("ascii"))
)
def test_no_other_text_is_a_page_token(text: str) -> None:
    with pytest.raises(Invalid):
        pages.place_of(text, form=True)


@given(st.text(min_size=1, max_size=20).filter(str.strip))
def test_a_system_names_its_assigner_and_site_and_has_no_blanks(text: str) -> None:
    assert elements.assigner_of(elements.assigner_system(text)) == text
    system = elements.site_system("accession", text)
    assert elements.site_code_of("accession", system) == text
    assert not any(letter.isspace() for letter in system)


def test_an_assigner_with_an_oid_is_named_by_it() -> None:
    assert elements.assigner_system("1.2.840.1") == "urn:oid:1.2.840.1"
    assert elements.assigner_of("urn:oid:1.2.840.1") == "1.2.840.1"
    assert elements.assigner_of("urn:oid:x") is None
    assert elements.assigner_of("http://else") is None


def test_every_domain_error_has_its_outcome() -> None:
    assert set(DomainError.__subclasses__()) == set(TABLE)
    status, body = of_error(NotFound("no such Patient"))
    assert (status, body["issue"][0]["code"]) == (404, "not-found")
    assert of_error(Invalid("mend it", "date"))[1]["issue"][0]["expression"] == ["date"]


def test_a_parameter_that_declares_a_target_says_which_element_leads_there() -> None:
    for resource in RESOURCES.values():
        names = [one.name for one in resource.parameters]
        assert len(names) == len(set(names))
        for one in resource.parameters:
            assert bool(one.targets) == bool(one.element)
            assert set(one.targets) <= set(RESOURCES)


def test_an_exact_criterion_keeps_its_modifier() -> None:
    family = PATIENT.parameter("family")
    assert family is not None
    assert criterion(family, "exact", "Doe").modifier == "exact"
    with pytest.raises(Invalid):
        criterion(family, "missing", "true")
