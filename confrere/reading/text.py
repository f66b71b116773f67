"""How a report's sections become plain text, and what may not be signed. Pure."""

from collections.abc import Sequence

from confrere.kernel.errors import Invalid
from confrere.reading.model import ADDENDUM, SECTIONS, Version

LONGEST = 100_000  # characters of one section


def clean(sections: dict[str, str]) -> dict[str, str]:
    """Keep the known sections, with line ends as LF and outer spaces gone; Invalid when absurd."""
    kept = {}
    for name in SECTIONS:
        value = sections.get(name, "").replace("\r\n", "\n").replace("\r", "\n").strip()
        if len(value) > LONGEST:
            raise Invalid(f"the {name} is over {LONGEST} characters: shorten it", name)
        kept[name] = value
    return kept


def require_signable(sections: dict[str, str]) -> None:
    """A signed report says something: findings or impression must be there."""
    if not (sections.get("findings") or sections.get("impression")):
        raise Invalid("write findings or an impression before you sign", "impression")


def render(sections: dict[str, str]) -> str:
    """Sections under their headings, empty ones left out."""
    parts = [f"{name.upper()}:\n{sections[name]}" for name in SECTIONS if sections.get(name)]
    return "\n\n".join(parts)


def whole_text(versions: Sequence[Version]) -> str:
    """The report as its reader should see it: the latest full text, then each addendum."""
    full = [v for v in versions if v.kind != ADDENDUM]
    parts = [full[-1].text] if full else []
    for one in versions:
        if one.kind == ADDENDUM and (not full or one.number > full[-1].number):
            signed = f"{one.signed_at:%Y-%m-%d %H:%M} UTC"
            parts.append(f"ADDENDUM ({one.signer_name}, {signed}):\n{one.text}")
    return "\n\n".join(parts)
