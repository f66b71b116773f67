"""Choose people, orders and exams for the demonstration's traffic. Pure but for its dice."""

import zlib
from collections import deque
from datetime import datetime, timedelta
from itertools import count
from random import Random

from confrere.demo import catalogue, persons, places, scenes
from confrere.demo.history import CLASSES
from confrere.demo.messages import OrderPlan, PersonPlan
from confrere.demo.pictures import Pictures
from confrere.demo.places import SitePlan
from confrere.demo.scenes import Scene

_COMES_AGAIN = 0.3
_REMEMBERED = 40
_CLASS_SHARES = (0.5, 0.2, 0.3)
_STAT, _URGENT = 0.12, 0.25
_MRNS = 600_000
_ADULTS_BORN_BEFORE = 2008


class Cast:
    """The people who came so far, and the numbers given out."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._seen: deque[PersonPlan] = deque(maxlen=_REMEMBERED)
        self._numbers = count()

    def random_scene(self) -> Scene:
        """An exam as one may come at any moment, of a kind that we have images for."""
        rng = self._rng
        site = rng.choices(places.SITES, [one.share for one in places.SITES])[0]
        kind = 2 if site.kind == places.CENTRE else rng.choices(range(3), _CLASS_SHARES)[0]
        able = [one for one in catalogue.PROCEDURES if one.modality in scenes.BY_MODALITY]
        plan = rng.choices(able, [one.frequency[kind] for one in able])[0]
        luck = rng.random()
        urgent = "A" if luck < _URGENT else "R"
        return Scene(
            site.code, plan.word, "S" if kind < 2 and luck < _STAT else urgent,  # noqa: PLR2004
            CLASSES[kind],
            scenes.BY_WORD.get(plan.word) or rng.choice(scenes.BY_MODALITY[plan.modality]),
            self._person(site, plan), as_omi=site.codes != places.WORDS,
        )  # fmt: skip

    def order(
        self, scene: Scene, now: datetime, taken: datetime, images: Pictures | None
    ) -> OrderPlan:
        """The order of a scene, with numbers of its site; `taken` is when it is imaged."""
        site, procedure = places.site(scene.site), catalogue.BY_WORD[scene.word]
        person = scene.person or self._person(site, procedure)
        accession = f"{site.prefix}{now:%y%m%d%H%M%S}{next(self._numbers) % 100:02d}"
        return OrderPlan(
            site, person, mrn(site, person), accession, procedure, scene.priority,
            scene.patient_class, persons.LOCATIONS[scene.patient_class],
            scene.question or self._rng.choice(persons.QUESTIONS[procedure.body_region]),
            self._rng.choice(persons.REFERRERS),
            taken - timedelta(minutes=self._rng.randint(15, 70)),
            images.study_uid(accession) if images else "", scene.code, scene.text,
            scene.allergy, scene.note,
        )  # fmt: skip

    def _person(self, site: SitePlan, plan: catalogue.ProcedurePlan) -> PersonPlan:
        """Someone new, or someone who came before, maybe elsewhere, and fits the exam."""
        rng, child = self._rng, plan.subspecialty == "peds"
        plain = plan.subspecialty not in ("peds", "breast") and plan.body_region != "pelvis"
        known = [one for one in self._seen if one.birth_date.year < _ADULTS_BORN_BEFORE]
        if known and plain and rng.random() < _COMES_AGAIN:
            return rng.choice(known)
        woman = (not plain and not child) or rng.random() < 0.5  # noqa: PLR2004
        year = rng.randint(2012, 2022) if child else rng.randint(1934, 2001)
        born = datetime(year, 1, 1) + timedelta(days=rng.randint(0, 364))  # noqa: DTZ001
        given = rng.choice(persons.GIVEN_FEMALE if woman else persons.GIVEN_MALE)
        made = PersonPlan(
            rng.choice(persons.FAMILY), given, born.date(), "F" if woman else "M",
            rng.choice(site.postal_codes),
        )  # fmt: skip
        self._seen.append(made)
        return made


def mrn(site: SitePlan, person: PersonPlan) -> str:
    """The number by which a site knows a person: always the same, and another elsewhere."""
    key = f"{site.code} {person.family} {person.given} {person.birth_date}"
    number = 300_000 + zlib.crc32(key.encode()) % _MRNS
    return f"{places.SITES.index(site) + 1}{number}"
