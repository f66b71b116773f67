"""How a reader wants a study hung: layout, the first series, windows. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from confrere.kernel.errors import Invalid

LAYOUTS = {"1x1": "one picture", "1x2": "current | prior", "2x2": "four series"}
MOST_WINDOWS, LONGEST_WORD, LONGEST_NAME = 4, 64, 24
CODE = re.compile(r"[A-Z]{2}|")
# "name width/level", as readers write windows
WINDOW = re.compile(r"(.+?)\s+([0-9]{1,5})\s*/\s*(-?[0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class Window:
    """Grey levels under a name: width and centre (PS3.3 C.11.2.1.2)."""

    name: str
    width: int
    level: int

    def __str__(self) -> str:
        """Write it as `windows_of` reads it."""
        return f"{self.name} {self.width}/{self.level}"


@dataclass(frozen=True, slots=True)
class Hanging:
    """One reader's wish. Empty `modality` or `region`: any.

    `first` is a word of the series description that comes first; the first of `windows` is
    set at opening, keys 1 to 4 set each.
    """

    id: UUID
    modality: str
    region: str
    layout: str
    first: str = ""
    windows: tuple[Window, ...] = ()


def chosen(wishes: Iterable[Hanging], modality: str, region: str) -> Hanging | None:
    """Choose the wish that fits best: modality and part, else modality, else part, else any."""
    fitting = [
        one
        for one in wishes
        if one.modality in ("", modality) and one.region.lower() in ("", region.lower())
    ]
    return max(fitting, key=lambda one: (bool(one.modality), bool(one.region)), default=None)


def windows_of(text: str) -> tuple[Window, ...]:
    """Read windows such as "Brain 80/40, Bone 2000/500"; raises Invalid."""
    found = []
    for part in filter(None, (one.strip() for one in re.split(r"[,;\n]", text))):
        match = WINDOW.fullmatch(part)
        if match is None or len(match[1]) > LONGEST_NAME or int(match[2]) < 1:
            raise Invalid(
                "write each window as name width/level, such as Brain 80/40, with commas "
                "between them",
                "windows",
            )
        found.append(Window(match[1], int(match[2]), int(match[3])))
    if len(found) > MOST_WINDOWS:
        raise Invalid(f"there are keys for {MOST_WINDOWS} windows; leave some out", "windows")
    return tuple(found)


def check(wish: Hanging) -> None:
    """Refuse what can't be hung; raises Invalid naming the field."""
    if wish.layout not in LAYOUTS:
        raise Invalid(f"choose one of {', '.join(LAYOUTS)}", "layout")
    if not CODE.fullmatch(wish.modality):
        raise Invalid("name the modality by its two letters, or leave it empty", "modality")
    if wish.windows and not wish.modality:
        raise Invalid("windows belong to a modality: name it", "modality")
    for name in ("region", "first"):
        if len(getattr(wish, name)) > LONGEST_WORD:
            raise Invalid(f"at most {LONGEST_WORD} characters", name)
