"""One ordered exam as an item of the Modality Worklist (PS3.4 annex K, table K.6-1). Pure."""

from datetime import UTC
from zoneinfo import ZoneInfo

from confrere.dimse.identifier import Identifier, Value, vr_of
from confrere.orders.model import Order
from confrere.patients.model import Patient

STEPS, STATION_AET = 0x00400100, 0x00400001
LOCAL_CODES = "L"  # PS3.16 8.2: a code that is the site's own
_PRIORITIES = {"stroke": "STAT", "stat": "STAT", "ed": "HIGH", "urgent": "HIGH"}
_SHORT, _LONG, _LONGER = 16, 64, 1024  # characters of SH, LO and what we keep of LT


def study_uid_of(order: Order) -> str:
    """The study's UID: what the order names, else one of the order's own random id.

    2.25 and a UUID as a decimal (PS3.5 B.2): the same whenever it is asked for.
    """
    return order.content.study_uid or f"2.25.{order.id.int}"


def item(order: Order, patient: Patient, zone: str, station: str) -> Identifier:
    """Make the item; the exam is scheduled at the instant of its order, by the site's clock.

    `station` is the AE title that asks: an order names no machine, so any of its site may.
    """
    content, person = order.content, patient.demographics
    name = "^".join(part for part in (person.family, person.given) if part)
    code = _code(content.procedure_code, content.procedure_text)
    described = content.procedure_text or content.procedure_code
    texts = {
        0x00080050: content.accession[:_SHORT],
        0x00080090: _person(content.referrer_name),
        0x00100010: name,
        0x00100020: person.mrn,
        0x00100021: person.assigner,
        0x00100030: person.birth_date.strftime("%Y%m%d") if person.birth_date else "",
        0x00100040: person.sex,
        0x00102110: content.allergies[:_LONG].replace("\\", "/"),
        0x0020000D: study_uid_of(order),
        0x00321032: _person(content.referrer_name),
        0x00321060: described[:_LONG],
        0x00380300: content.location[:_LONG],
        0x00401001: (content.placer_number or content.accession)[:_SHORT],
        0x00401003: _PRIORITIES.get(order.priority, "ROUTINE"),
        0x00401400: content.clinical_question[:_LONGER],
        0x00402016: content.placer_number[:_LONG],
        0x00402017: content.filler_number[:_LONG],
    }
    found = {tag: Value(vr_of(tag), text) for tag, text in texts.items()}
    found[0x00321064] = Value("SQ", items=code)
    found[STEPS] = Value("SQ", items=(_step(order, zone, station, code),))
    return found


def _step(order: Order, zone: str, station: str, code: tuple[Identifier, ...]) -> Identifier:
    content = order.content
    begins = (content.ordered_at or order.updated_at).astimezone(UTC).astimezone(ZoneInfo(zone))
    texts = {
        0x00080060: order.modality,
        STATION_AET: station,
        0x00400002: begins.strftime("%Y%m%d"),
        0x00400003: begins.strftime("%H%M%S"),
        0x00400006: "",
        0x00400007: (content.procedure_text or content.procedure_code)[:_LONG],
        0x00400009: content.accession[:_SHORT],
        0x00400010: "",
        0x00400011: "",
    }
    found = {tag: Value(vr_of(tag), text) for tag, text in texts.items()}
    found[0x00400008] = Value("SQ", items=code)
    return found


def _code(code: str, meaning: str) -> tuple[Identifier, ...]:
    if not code:
        return ()
    return (
        {
            0x00080100: Value("SH", code[:_SHORT]),
            0x00080102: Value("SH", LOCAL_CODES),
            0x00080104: Value("LO", (meaning or code)[:_LONG]),
        },
    )


def _person(name: str) -> str:
    """A name as people write it, "Family, Given", as a PN."""
    return "^".join(part.strip() for part in name.split(",", 1))
