"""The reading pages' templates and files, loaded once."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

HERE = Path(__file__).parent
STATIC = {one.name: one.read_bytes() for one in sorted((HERE / "static").iterdir())}


def page(template: str, **values: Any) -> bytes:
    """Render a template, autoescaped."""
    return _environment().get_template(template).render(**values).encode("utf-8")


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True,
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    made.filters |= {"local": _local, "local_iso": _local_iso, "length": _length, "day": _day}
    made.filters["count"] = len
    return made


@pass_context
def _local(context: Context, at: float) -> str:
    """Write an instant (seconds since 1970) in the site's zone."""
    try:
        zone = ZoneInfo(context["downtime"].time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo("UTC")
    return f"{datetime.fromtimestamp(at, UTC).astimezone(zone):%d %b %H:%M %Z}"


@pass_context
def _local_iso(context: Context, text: str) -> str:
    return _local(context, datetime.fromisoformat(text).timestamp()) if text else ""


def _length(seconds: float) -> str:
    """Write a length of time in the largest unit that says enough."""
    minutes = int(max(0.0, seconds) // 60)
    if not minutes:
        return "less than a minute"
    if minutes < 120:  # noqa: PLR2004 - minutes are told up to two hours
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def _day(text: str) -> str:
    """Write a DICOM date (YYYYMMDD) as people do."""
    return f"{text[:4]}-{text[4:6]}-{text[6:8]}" if len(text) >= 8 else text  # noqa: PLR2004
