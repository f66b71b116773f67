"""The eligibility rules compiled to bits, at 10,000 readers and 186 sites: CPU times.

PYTHONPATH=. python bench/worklist/judging.py
"""

import time
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

from confrere.kernel.ids import GroupId, ReaderId, SiteId
from confrere.network.credentials import ALL
from confrere.network.model import Directory, Group, Licence, Privilege
from confrere.worklist.judging import Judging
from tests.unit.cases import ABLE, HOSPITAL, NOW, item


def network(count: int, sites: int) -> Directory:
    """A large collaborative: every reader licensed in 4 states and privileged at 12 sites."""
    places = {
        SiteId(UUID(int=1000 + n)): replace(
            HOSPITAL, id=SiteId(UUID(int=1000 + n)), state=f"S{n % 50}",
            owner_group=GroupId(UUID(int=1 + n % 60)),
        )
        for n in range(sites)
    }  # fmt: skip
    ids, people = list(places), {}
    for n in range(count):
        span = (date(2025, 1, 1), date(2027, 1, 1) + timedelta(days=n % 700))
        reader = replace(
            ABLE, id=ReaderId(UUID(int=10_000 + n)), group=GroupId(UUID(int=1 + n % 60)),
            npi=str(n), sits_in_state=f"S{n % 50}", places=(),
            licences=tuple(Licence(f"S{(n + k) % 50}", "1", "active", *span) for k in range(4)),
            privileges=tuple(
                Privilege(ids[(n * 7 + k * 5) % sites], "all", "full", *span) for k in range(12)
            ),
            covers=(replace(ABLE.covers[0], states=frozenset({ALL})),),
        )  # fmt: skip
        people[reader.id] = reader
    groups = {
        GroupId(UUID(int=1 + n)): Group(
            GroupId(UUID(int=1 + n)), str(n), str(n), "UTC", tin="1"
        )
        for n in range(60)
    }
    return Directory(groups, places, people, ())


def main() -> None:
    """Print the table."""
    who = network(10_000, 186)
    start = time.process_time()
    compiled = Judging(who, NOW)
    compiling = time.process_time() - start
    exams = [item(site=site, owner_group=who.sites[site].owner_group) for site in who.sites]
    for what in ("first of its kind", "kind seen before"):
        start = time.process_time()
        able = sum(int(compiled.mask(one, NOW).sum()) for one in exams)
        each = (time.process_time() - start) / len(exams)
        print(f"one exam, {what}: {each * 1e6:.0f} us ({able} answers yes)")
    start = time.process_time()
    for reader in list(who.readers.values())[:100]:
        compiled.change(reader)
    changing = (time.process_time() - start) / 100
    print(f"compile: {compiling:.2f} s; one reader changed: {changing * 1e3:.2f} ms")


if __name__ == "__main__":
    main()
