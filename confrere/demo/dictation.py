"""A small external dictation system: it reads what the external site does not send to us.

It waits some minutes after an exam is complete and sends the final report (ORU^R01). Run as
`python -m confrere.demo.dictation --minutes 4`.
"""

import argparse
import json
import logging
import secrets
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from confrere.demo import catalogue, people, places, wording
from confrere.demo.collaborative import npi
from confrere.demo.machines import DICTATION
from confrere.demo.messages import OrderPlan, PersonPlan, report
from confrere.demo.stopping import stop_on_signals
from confrere.hl7.acknowledge import Stamp
from confrere.hl7.sender import Sender
from confrere.kernel.errors import DomainError
from confrere.logs import set_up
from confrere.settings import Settings, load

log = logging.getLogger(__name__)

_ANSWER = timedelta(seconds=15)
_POLL_SECONDS = 1.0
_MINUTES = 4.0


def hand_over(folder: Path, order: OrderPlan, completed_at: datetime) -> None:
    """Tell the dictation system of a completed exam: a file in its tray under `folder`."""
    tray = folder / "dictation"
    tray.mkdir(parents=True, exist_ok=True, mode=0o700)
    person = order.person
    content = {
        "site": order.site.code, "word": order.procedure.word, "mrn": order.mrn,
        "accession": order.accession, "study_uid": order.study_uid,
        "family": person.family, "given": person.given, "sex": person.sex,
        "birth_date": person.birth_date.isoformat(), "postal_code": person.postal_code,
        "patient_class": order.patient_class, "completed_at": completed_at.isoformat(),
    }  # fmt: skip
    new = tray / f"{order.accession}.new"
    new.write_text(json.dumps(content), encoding="utf-8")
    new.rename(tray / f"{order.accession}.json")


def due(folder: Path, now: datetime, wait: timedelta) -> list[Path]:
    """The exams in the tray whose report is due, oldest first."""
    found = []
    for path in sorted((folder / "dictation").glob("*.json")):
        completed = json.loads(path.read_text(encoding="utf-8"))["completed_at"]
        if datetime.fromisoformat(completed) + wait <= now:
            found.append(path)
    return found


def dictate(path: Path, now: datetime, control_id: str) -> bytes:
    """Write the final report of an exam in the tray."""
    told = json.loads(path.read_text(encoding="utf-8"))
    site, procedure = places.site(told["site"]), catalogue.BY_WORD[told["word"]]
    completed = datetime.fromisoformat(told["completed_at"])
    person = PersonPlan(
        told["family"], told["given"], date.fromisoformat(told["birth_date"]), told["sex"],
        told["postal_code"],
    )  # fmt: skip
    order = OrderPlan(
        site, person, told["mrn"], told["accession"], procedure, "", told["patient_class"],
        "", "", "", completed, told["study_uid"],
    )  # fmt: skip
    number, reader = next(
        (n, one) for n, one in enumerate(people.RADIOLOGISTS) if one.group == site.group
    )
    text = wording.dictated(procedure)
    signer = (reader.name, npi(number))
    return report(order, text, signer, completed, now, Stamp(now, control_id), DICTATION)


def run(
    settings: Settings, minutes: float = _MINUTES, stop: threading.Event | None = None,
    now: Callable[[], datetime] | None = None,
) -> None:  # fmt: skip
    """Dictate until `stop` is set (None: until SIGTERM); what fails is tried again."""
    stop = stop or stop_on_signals()
    clock = now or (lambda: datetime.now(UTC))
    folder = settings.home / "demo"
    while not stop.is_set():
        for path in due(folder, clock(), timedelta(minutes=minutes)):
            _send(path, settings.mllp_port, clock())
        stop.wait(_POLL_SECONDS)


def _send(path: Path, port: int, now: datetime) -> None:
    raw = dictate(path, now, secrets.token_hex(10))
    try:
        answer = Sender().send("127.0.0.1", port, raw, _ANSWER)
    except DomainError as error:
        log.info("demo: a dictated report waits: %s", error)
        return
    if not answer.accepted:
        log.warning("demo: a dictated report was answered %s: %s", answer.code, answer.text)
    path.rename(path.with_suffix(".done"))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run from the command line; the HL7 door's port comes from the settings."""
    parser = argparse.ArgumentParser(prog="confrere.demo.dictation")
    parser.add_argument("--minutes", type=float, default=_MINUTES)
    asked = parser.parse_args(arguments)
    set_up()
    run(load(), asked.minutes)


if __name__ == "__main__":
    main()
