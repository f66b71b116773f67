"""Send the demonstration's orders and images through the front doors, as its sites would.

A process of its own: `python -m confrere.demo.traffic --studies-per-hour 30 --seed 1`.
"""

import argparse
import logging
import secrets
import threading
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from random import Random

from confrere.demo import beside, dictation, messages, people, pictures, scenes
from confrere.demo.casting import Cast
from confrere.demo.collaborative import npi
from confrere.demo.messages import OrderPlan
from confrere.demo.pictures import Pictures
from confrere.demo.scenes import Scene
from confrere.demo.stopping import stop_on_signals
from confrere.hl7.acknowledge import Stamp
from confrere.hl7.sender import Sender
from confrere.kernel.errors import DomainError, Unavailable
from confrere.logs import set_up
from confrere.network.model import READS_ELSEWHERE
from confrere.settings import Settings, load

log = logging.getLogger(__name__)

_ANSWER = timedelta(seconds=15)
_RETRY_SECONDS = 1.0
_REPORT_AFTER = timedelta(seconds=25)  # an old exam's report follows when its study is closed
_STORY_AGAIN = timedelta(hours=6)
_PHANTOM_STEP = 4  # traffic that goes on sends every fourth slice
_PER_HOUR = 3600


class Traffic:
    """One run of the senders. `stop` ends every wait; `now` is the clock."""

    def __init__(
        self, settings: Settings, seed: int, rng: Random, stop: threading.Event,
        now: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self._settings, self._seed, self._stop, self._now = settings, seed, stop, now
        self._cast = Cast(rng)
        self._rng = rng
        self._samples = pictures.samples()
        self._reports: deque[tuple[datetime, OrderPlan, datetime, str]] = deque()
        self._images_later: deque[tuple[datetime, OrderPlan, Pictures]] = deque()
        self._folder = settings.home / "demo"

    def open(self) -> int:
        """Send the opening set, or after some hours the story again; return how many exams.

        The set is sent once a home: a marker remembers it.
        """
        marker = self._folder / "opened"
        if marker.exists():
            age = self._now().timestamp() - marker.stat().st_mtime
            played: Sequence[Scene] = (
                scenes.HEAD_PAIR[1:] if age > _STORY_AGAIN.total_seconds() else ()
            )
        else:
            light = scenes.LIGHT
            played = (
                *light[:2],
                *scenes.HEAD_PAIR,
                *light[2:],
                *scenes.CHEST_PAIR,
                *scenes.AGAIN,
            )
        done = sum(self.perform(scene) for scene in played if not self._stop.is_set())
        if played and not self._stop.is_set():
            self.perform(scenes.ALERT)
        if played and not self._stop.is_set():
            self._folder.mkdir(parents=True, exist_ok=True)
            marker.touch()
        return done

    def go_on(self, studies_per_hour: float) -> None:
        """Send random exams, that many an hour on average, until stopped; 0 sends none."""
        while not self._stop.is_set():
            gap = (
                self._rng.expovariate(studies_per_hour / _PER_HOUR) if studies_per_hour else 60
            )
            self._wait(gap)
            if studies_per_hour and not self._stop.is_set():
                self.perform(self._cast.random_scene(), light=True)

    def perform(self, scene: Scene, *, light: bool = False) -> bool:
        """Send one exam; False when it failed, which is logged and is not the end."""
        try:
            self._perform(scene, light=light)
        except DomainError as error:
            log.warning("demo: an exam was not sent whole: %s", error)
            return False
        return True

    def _perform(self, scene: Scene, *, light: bool) -> None:
        now = self._now()
        taken = now - scene.past - timedelta(minutes=self._rng.randint(3, 9))
        if scene.images_after:
            taken = now + scene.images_after
        images = self._images(scene.pictures, light=light)
        order = self._cast.order(scene, now, taken, images)
        if scene.ordered:
            self._tell(lambda stamp: messages.admission(order, stamp))
            write = messages.order_as_omi if scene.as_omi else messages.order_as_orm
            self._tell(lambda stamp: write(order, stamp))
        if scene.beside:
            self._tell(lambda stamp: beside.laboratory(order, stamp))
            self._tell(lambda stamp: beside.requisition(order, stamp))
        if images is None:
            return
        if scene.images_after:
            self._images_later.append((now + scene.images_after, order, images))
            return
        self._store(order, images, taken)
        if not scene.ordered:
            return
        done = taken + timedelta(minutes=2) if scene.past else self._now()
        self._tell(lambda stamp: messages.completion(order, done, stamp))
        if scene.report:
            self._reports.append((now + _REPORT_AFTER, order, done, scene.report))
        elif order.site.reporting == READS_ELSEWHERE:
            dictation.hand_over(self._folder, order, done)

    def _images(self, key: str, *, light: bool) -> Pictures | None:
        if not key:
            return None
        if key in self._samples:
            return self._samples[key]
        whole = pictures.phantoms(self._folder / "phantoms", key, self._seed)
        return whole.thinned(_PHANTOM_STEP) if light else whole

    def _store(self, order: OrderPlan, images: Pictures, when: datetime) -> None:
        there = self._settings
        while not self._stop.is_set():
            try:
                stored = pictures.send(
                    order, images, when, "127.0.0.1", there.dicom_port, there.aet
                )
            except Unavailable:
                self._stop.wait(_RETRY_SECONDS)
                continue
            if stored < len(images.files):
                log.warning("demo: %d of %d images stored", stored, len(images.files))
            return

    def _tell(self, write: Callable[[Stamp], bytes]) -> None:
        raw = write(Stamp(self._now(), secrets.token_hex(10)))
        while not self._stop.is_set():
            try:
                answer = Sender().send("127.0.0.1", self._settings.mllp_port, raw, _ANSWER)
            except Unavailable:
                self._stop.wait(_RETRY_SECONDS)
                continue
            if not answer.accepted:
                log.warning("demo: a message was answered %s: %s", answer.code, answer.text)
            return

    def _wait(self, seconds: float) -> None:
        """Wait, and meanwhile send the reports and images that fall due."""
        end = self._now() + timedelta(seconds=seconds)
        while not self._stop.is_set():
            if self._reports and self._reports[0][0] <= self._now():
                self._send_report(*self._reports.popleft()[1:])
            if self._images_later and self._images_later[0][0] <= self._now():
                when, order, images = self._images_later.popleft()
                self._store(order, images, when)
                self._tell(lambda stamp: messages.completion(order, self._now(), stamp))  # noqa: B023 - used at once
            left = (end - self._now()).total_seconds()
            if left <= 0:
                return
            self._stop.wait(min(left, _RETRY_SECONDS))

    def _send_report(self, order: OrderPlan, observed_at: datetime, text: str) -> None:
        staff = [
            (n, one)
            for n, one in enumerate(people.RADIOLOGISTS)
            if one.group == order.site.group
            and order.procedure.subspecialty in one.subspecialties
        ]
        number, reader = self._rng.choice(staff or list(enumerate(people.RADIOLOGISTS)))
        signed = observed_at + timedelta(minutes=52)
        self._tell(
            lambda stamp: messages.report(
                order, text, (reader.name, npi(number)), observed_at, signed, stamp
            )
        )


def run(
    settings: Settings, studies_per_hour: float, seed: int,
    stop: threading.Event | None = None, now: Callable[[], datetime] | None = None,
) -> None:  # fmt: skip
    """Send the opening set, then go on until `stop` is set (None: until SIGTERM)."""
    stop = stop or stop_on_signals()
    clock = now or (lambda: datetime.now(UTC))
    rng = Random(f"{seed} {clock().isoformat()}")  # noqa: S311 - a play, not a secret
    traffic = Traffic(settings, seed, rng, stop, clock)
    log.info("demo: %d exams sent", traffic.open())
    traffic.go_on(studies_per_hour)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run from the command line; the doors' ports come from the settings."""
    parser = argparse.ArgumentParser(prog="confrere.demo.traffic")
    parser.add_argument("--studies-per-hour", type=float, default=30)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(arguments)
    set_up()
    run(load(), asked.studies_per_hour, asked.seed)


if __name__ == "__main__":
    main()
