"""Tell people when a gateway at a hospital was not heard of for some minutes."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from confrere.jobs import events
from confrere.network import gatewaying
from confrere.network import service as network
from confrere.notices import service as notices
from confrere.notices.silence import Silent, tellings
from confrere.wiring.house import House

WATCH_AT = "* * * * *"
Run = Callable[[Callable[[Connection, datetime], object]], None]
Task = Callable[[str], Callable[[Callable[..., None]], Any]]


def register(house: House, run: Run, task: Task) -> None:
    """Register the job that looks for silent gateways, each minute."""

    @events.app.periodic(cron=WATCH_AT)
    @task("gateways.watch")
    def watch(timestamp: int) -> None:  # noqa: ARG001 - the queue's own argument
        run(lambda c, now: tell(c, house.settings.gateway_silent_minutes, now))


def tell(conn: Connection, minutes: int, now: datetime) -> int:
    """Tell of every outage that lasts so long, once; return how many notices are new."""
    found = gatewaying.unheard(conn, now - timedelta(minutes=minutes))
    if not found:
        return 0
    sites = {site.id: site for site in network.sites(conn)}
    silent = [
        Silent(
            one.id, one.owner_group, one.name,
            sites[one.site].short_name or sites[one.site].name, one.last_seen_at,
        )
        for one in found
        if one.last_seen_at is not None
    ]  # fmt: skip
    return notices.tell(conn, tellings(silent, notices.call_lists(conn), now), now)
