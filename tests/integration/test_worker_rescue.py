"""Jobs that a dead worker had in hand are queued again, and never stop the next worker."""

import asyncio
from uuid import uuid4

import procrastinate
import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from confrere.jobs import events
from confrere.worker import retry_stalled
from tests.database import Databases

TASK = "test.rescued"


@pytest.fixture(autouse=True)
def _task() -> None:
    if TASK not in events.outbox.tasks:
        events.outbox.task(name=TASK)(lambda **_: None)


def defer(system: Engine, once: str = "") -> None:
    with system.begin() as conn:
        events.defer(conn, TASK, once=once, key=uuid4())


def die_at_work(system: Engine) -> None:
    """Leave what waits as a worker leaves it that was killed and forgotten."""
    with system.begin() as conn:
        conn.execute(sa.text("update procrastinate_jobs set status = 'doing'"))


def rescue(made: Databases) -> list[str]:
    """Look for jobs of dead workers; return the states of all jobs afterwards."""

    async def once() -> None:
        connector = procrastinate.PsycopgConnector(
            conninfo=made.url("confrere_system"), min_size=1, max_size=2
        )
        async with procrastinate.App(connector=connector).open_async() as app:
            await retry_stalled(app)

    asyncio.run(once())
    with made.system.begin() as conn:
        states = conn.execute(sa.text("select status from procrastinate_jobs order by id"))
        return [str(state) for state in states.scalars()]


def test_a_dead_workers_job_waits_again(fresh: Databases) -> None:
    defer(fresh.system)
    die_at_work(fresh.system)
    assert rescue(fresh) == ["todo"]


def test_a_dead_workers_job_gives_way_to_the_one_that_waits_for_the_same_key(
    fresh: Databases,
) -> None:
    defer(fresh.system, once="study 1")
    defer(fresh.system)
    die_at_work(fresh.system)
    defer(fresh.system, once="study 1")
    assert rescue(fresh) == ["todo", "todo"]
    assert rescue(fresh) == ["todo", "todo"]


def test_two_dead_jobs_of_one_key_become_one(fresh: Databases) -> None:
    for _ in range(2):
        defer(fresh.system, once="study 1")
        die_at_work(fresh.system)
    assert rescue(fresh) == ["todo"]
