"""What a worklist line says of an exam, from its study, orders, patient and site. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from confrere.imaging.model import Study
from confrere.network.model import Site
from confrere.orders.model import AHEAD, CANCELLED, PERFORMED, TOLD, Order
from confrere.orders.priorities import ED, MINUTES, due
from confrere.patients.model import Patient
from confrere.worklist.model import ARRIVING, NO_IMAGES, UNMAPPED, UNMATCHED, WRONG_CLOCK

CLOSED = "closed"
# an acquisition time further from the arrival than this is a wrong clock or an old file
PLAUSIBLE_BEFORE, PLAUSIBLE_AFTER = timedelta(hours=24), timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Clock:
    """When the turnaround clock started, and who says so."""

    at: datetime | None
    source: str


def clock(study: Study | None, orders: Sequence[Order]) -> Clock:
    """Start the clock at exam complete: the order's status, else the last acquisition.

    Where no message told when it was complete, the modality's performed step may have.
    Where the acquisition time can't be true (a modality's clock, a re-sent old study) the
    last image's arrival counts, and the source says so. An order status that puts it into the
    future counts from when it came.
    """
    told = [o.content.exam_complete_at for o in orders if o.content.exam_complete_at]
    if told:
        stepped = {o.clock_source for o in orders if o.content.exam_complete_at} == {PERFORMED}
        source = PERFORMED if stepped else TOLD
        return Clock(max(told), AHEAD if _is_ahead(orders) else source)
    if study is None:
        return Clock(None, "")
    acquired = study.acquired_at
    if (
        acquired
        and study.first_at - PLAUSIBLE_BEFORE <= acquired <= study.last_at + PLAUSIBLE_AFTER
    ):
        return Clock(min(acquired, study.last_at), "last acquisition")
    return Clock(study.last_at, "last image received")


def _is_ahead(orders: Sequence[Order]) -> bool:
    return any(o.clock_source == AHEAD for o in orders)


def compose(
    study: Study | None, orders: Sequence[Order], patient: Patient | None, site: Site
) -> dict[str, Any]:
    """Make the fields of a worklist line that come from elsewhere.

    An exam without an order, or with a code that the site's procedure map lacks, keeps a due
    time: it counts as an emergency patient's until a person has looked.
    """
    live = [o for o in orders if o.content.status != CANCELLED]
    first = live[0] if live else None
    started = clock(study, live)
    priority = min((o.priority for o in live), key=lambda p: MINUTES.get(p, 0), default=ED)
    return {
        "order_ids": [o.id for o in live],
        "accessions": _accessions(study, live),
        "priority": priority,
        "modality": _modality(study, first),
        "body_region": first.body_region if first else "",
        "subspecialty": first.subspecialty if first else "",
        "flags": _flags(study, live),
        "description": _description(study, live),
        "clinical_question": first.content.clinical_question if first else "",
        "site_name": site.short_name or site.name,
        "site_state": site.state,
        "payer_class": next((o.content.payer_class for o in live if o.content.payer_class), ""),
        "orderers": sorted({o.content.referrer_id for o in live if o.content.referrer_id}),
        "image_count": study.instance_count if study else 0,
        "images_complete": bool(study and study.state == CLOSED),
        "ordered_at": first.content.ordered_at if first else None,
        "clock_at": started.at,
        "clock_source": started.source,
        "due_at": due(started.at, priority, site.targets) if started.at else None,
        **_kind(live),
        **_patient(study, patient),
    }


def _kind(orders: Sequence[Order]) -> dict[str, Any]:
    """Several orders read as one exam: minutes and work add up, needs come together."""
    told = [o for o in orders if o.mapped]
    minutes = [o.minutes for o in told if o.minutes is not None]
    wrvu = [o.wrvu for o in told if o.wrvu is not None]
    return {
        "contrast": told[0].contrast if told else "",
        "advanced": any(o.advanced for o in told),
        "minutes": sum(minutes) if minutes else None,
        "wrvu": sum(wrvu) if wrvu else None,
        "certificates": sorted({c for o in told for c in o.certificates}),
    }


def _patient(study: Study | None, patient: Patient | None) -> dict[str, Any]:
    if patient:
        d = patient.demographics
        return {
            "patient_id": patient.id, "patient_name": patient.name, "mrn": d.mrn,
            "sex": d.sex, "birth_date": d.birth_date,
        }  # fmt: skip
    name = (
        study.patient_name.replace("^", ", ", 1).replace("^", " ").strip(", ") if study else ""
    )
    return {
        "patient_id": None, "patient_name": name, "mrn": study.mrn if study else "",
        "sex": study.sex if study else "", "birth_date": None,
    }  # fmt: skip


def _accessions(study: Study | None, orders: Sequence[Order]) -> list[str]:
    if orders:
        return [o.content.accession for o in orders]
    return [study.accession] if study and study.accession else []


def _modality(study: Study | None, order: Order | None) -> str:
    if order and order.modality:
        return order.modality
    images = [m for m in (study.modalities if study else ()) if m not in ("SR", "PR", "KO")]
    return images[0] if images else ""


def _description(study: Study | None, orders: Sequence[Order]) -> str:
    texts = [o.content.procedure_text or o.content.procedure_code for o in orders]
    return " + ".join(t for t in texts if t) or (study.description if study else "")


def _flags(study: Study | None, orders: Sequence[Order]) -> list[str]:
    flags = []
    if not orders:
        flags.append(UNMATCHED)
    elif not all(o.mapped for o in orders):
        flags.append(UNMAPPED)
    if _is_ahead(orders):
        flags.append(WRONG_CLOCK)
    if study is None:
        flags.append(NO_IMAGES)
    elif study.state != CLOSED:
        flags.append(ARRIVING)
    return flags
