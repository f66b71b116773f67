"""Pages from templates: autoescaped, times in the reader's zone with the zone shown."""

from datetime import date, datetime, timedelta
from functools import cache
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from confrere.identity.permissions import Permission, may
from confrere.kernel.principal import Principal
from confrere.web.context import context_of
from confrere.web.navigation import places_for

HERE = Path(__file__).parent
STATIC = HERE / "static"
HUES = 12
TOLD = "/told"  # what a reader is told, on every page
ABSENT = "\N{EN DASH}"
TITLES = frozenset({"dr", "md", "do", "phd", "mbbs", "facr"})
MINUS = "\N{MINUS SIGN}"
_MINUTES_AN_HOUR = 60
_HOURS_IN_DAYS = 48
_MONTHS_OF_INFANCY = 24
_DAYS_OF_NEWBORN = 60


def render(
    request: Request, template: str, *, status: int = HTTPStatus.OK, **values: Any
) -> HTMLResponse:
    """Render a template for whoever asks."""
    context = context_of(request)
    principal: Principal | None = getattr(request.state, "principal", None)
    shell = {
        "principal": principal,
        "places": places_for(principal, request.app.state.paths) if principal else (),
        "here": request.url.path,
        "nonce": request.state.nonce,
        "now": context.now(),
        "synthetic": context.synthetic(),
        "zone": context.zone_of(principal) if principal else "UTC",
        "tells": bool(principal and principal.reader and TOLD in request.app.state.paths),
    }
    page = environment().get_template(template).render(**shell, **values)
    return HTMLResponse(page, status)


@cache
def environment() -> Environment:
    """Make the one template environment."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "local": local,
        "clock": clock,
        "hour": hour,
        "day": day,
        "age": age,
        "duration": duration,
        "initials": initials,
        "hue": hue,
    }
    made.globals |= {"static": static, "may": may, "Permission": Permission}
    return made


@cache
def static(name: str) -> str:
    """Return the address of an own static file; it changes with the content."""
    digest = sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


@pass_context
def local(
    context: Context, at: datetime | None, zone: str | None = None, *, seconds: bool = False
) -> Markup:
    """Write an instant as day and time in the reader's zone, or in `zone` (a site's)."""
    if at is None:
        return escape(ABSENT)
    there = at.astimezone(ZoneInfo(zone or context["zone"]))
    time_of_day = f"{there:%H:%M:%S}" if seconds else f"{there:%H:%M}"
    return _time(at, f"{day(there)} {time_of_day} {there.tzname()}")


@pass_context
def clock(context: Context, at: datetime, zone: str | None = None) -> Markup:
    """Write an instant as the time of day, with seconds."""
    there = at.astimezone(ZoneInfo(zone or context["zone"]))
    return _time(at, f"{there:%H:%M:%S} {there.tzname()}")


@pass_context
def hour(context: Context, at: datetime, zone: str | None = None) -> Markup:
    """Write an instant as the time of day, without seconds or zone."""
    return _time(at, f"{at.astimezone(ZoneInfo(zone or context['zone'])):%H:%M}")


def day(on: date | None) -> str:
    """Write a date: 3 Nov 2026."""
    return f"{on.day} {on:%b %Y}" if on else ABSENT


def age(born: date | None, on: date) -> str:
    """Write an age on a day: years, months below two years, days below 60 days."""
    if born is None or born > on:
        return ABSENT
    days = (on - born).days
    months = (on.year - born.year) * 12 + on.month - born.month - (on.day < born.day)
    if days < _DAYS_OF_NEWBORN:
        return f"{days} d"
    return f"{months} mo" if months < _MONTHS_OF_INFANCY else f"{months // 12} y"


def duration(length: timedelta | None) -> str:
    """Write a length of time in its two largest units; a minus where it is negative."""
    if length is None:
        return ABSENT
    sign, minutes = (
        (MINUS if length < timedelta() else ""),
        int(abs(length).total_seconds()) // 60,
    )
    if minutes < _MINUTES_AN_HOUR:
        return f"{sign}{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < _HOURS_IN_DAYS:
        return f"{sign}{hours} h {minutes} min" if minutes else f"{sign}{hours} h"
    days, hours = divmod(hours, 24)
    return f"{sign}{days} d {hours} h" if hours else f"{sign}{days} d"


def initials(name: str) -> str:
    """Shorten a name to two letters, titles left out."""
    said = name.replace(".", " ").replace(",", " ").split()
    words = [word for word in said if word.lower() not in TITLES]
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()


def hue(text: str) -> str:
    """Choose one of the twelve colour classes for a text, always the same one."""
    return f"h{sha256(text.encode()).digest()[0] % HUES}"


def _time(at: datetime, text: str) -> Markup:
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(), text)
