"""What an unknown procedure code may mean: a suggestion that a person confirms. Pure.

First the group's own maps are asked: the same words at another site, then the likest. Where
they say nothing, the words and the images' own tags tell modality, region and contrast, and
those tell who reads such exams. Work RVUs are only ever copied from the group's maps.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median_low

from confrere.kernel.ids import GroupId
from confrere.orders.model import Procedure, Unmapped

ALIKE = 0.5  # share of common words that makes two procedure texts alike
_SAME_WORD = {
    "w": "with", "wo": "without", "non": "without", "noncontrast": "without", "mri": "mr",
    "xr": "xray", "cr": "xray", "dx": "xray", "dr": "xray", "radiograph": "xray", "film": "xray",
    "cxr": "xray chest", "kub": "xray abdomen", "us": "ultrasound", "usg": "ultrasound",
    "sono": "ultrasound", "sonogram": "ultrasound", "mammogram": "mammography",
    "mammo": "mammography", "mg": "mammography", "cat": "ct", "cta": "ct angiogram",
    "mra": "mr angiogram", "angio": "angiogram", "angiography": "angiogram", "abd": "abdomen",
    "abdominal": "abdomen", "pel": "pelvis", "pelv": "pelvis", "pelvic": "pelvis",
    "cerebral": "brain", "cspine": "cervical spine", "lspine": "lumbar spine",
    "tspine": "thoracic spine", "c-spine": "cervical spine", "pulm": "pulmonary",
    "emb": "embolus", "embolism": "embolus", "pe": "pulmonary embolus", "breasts": "breast",
    "paediatric": "child", "pediatric": "child", "peds": "child", "infant": "child",
    "views": "view", "vw": "view", "contr": "contrast", "kontrast": "contrast",
}  # fmt: skip
_NOISE = frozenset(
    ("of", "and", "the", "or", "exam", "study", "left", "right", "l", "r", "lt", "rt")
)
_MODALITIES = {
    "ct": "CT", "mr": "MR", "xray": "CR", "ultrasound": "US", "doppler": "US",
    "mammography": "MG", "tomosynthesis": "MG", "pet": "PT", "spect": "NM", "scintigraphy": "NM",
    "nuclear": "NM", "fluoro": "RF", "fluoroscopy": "RF", "esophagram": "RF",
}  # fmt: skip
_REGIONS = {
    "brain": "head", "head": "head", "skull": "head", "orbit": "head", "sinus": "head",
    "sinuses": "head", "pituitary": "head", "neck": "neck", "thyroid": "neck",
    "carotid": "neck", "spine": "spine", "cervical": "spine", "lumbar": "spine",
    "thoracic": "spine", "sacrum": "spine", "breast": "breast", "heart": "heart",
    "cardiac": "heart", "coronary": "heart", "chest": "chest", "thorax": "chest",
    "lung": "chest", "pulmonary": "chest", "ribs": "chest", "abdomen": "abdomen",
    "liver": "abdomen", "renal": "abdomen", "kidney": "abdomen", "pancreas": "abdomen",
    "aorta": "abdomen", "appendix": "abdomen", "pelvis": "pelvis", "prostate": "pelvis",
    "uterus": "pelvis", "bladder": "pelvis", "hip": "extremity", "knee": "extremity",
    "ankle": "extremity", "foot": "extremity", "shoulder": "extremity", "elbow": "extremity",
    "wrist": "extremity", "hand": "extremity", "finger": "extremity", "toe": "extremity",
    "femur": "extremity", "tibia": "extremity", "humerus": "extremity", "forearm": "extremity",
    "leg": "extremity", "arm": "extremity", "extremity": "extremity", "bone": "whole body",
}  # fmt: skip
_BY_REGION = {
    "head": "neuro", "neck": "neuro", "spine": "neuro", "chest": "chest", "heart": "cardiac",
    "abdomen": "body", "pelvis": "body", "breast": "breast", "extremity": "msk",
}  # fmt: skip
_MINUTES = {"CR": 3, "DX": 3, "MG": 5, "US": 7, "RF": 8, "NM": 9, "CT": 10, "MR": 15, "PT": 22}
_ADVANCED = frozenset(("MR", "PT", "NM"))


@dataclass(frozen=True, slots=True)
class ImagesSay:
    """What the images under an unknown code say of themselves (PS3.3 C.7.3.1)."""

    modalities: tuple[str, ...] = ()  # (0008,0060), most images first
    body_parts: tuple[str, ...] = ()  # (0018,0015)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A line to confirm, and from what it was told."""

    line: Procedure
    because: str


def suggest(
    code: Unmapped, known: Sequence[Procedure], owner: GroupId, images: ImagesSay | None = None
) -> Suggestion | None:
    """Say what a code may mean; None where neither words nor images tell modality and reader."""
    said = images or ImagesSay()
    wanted = words_of(code.text)
    fits = [one for one in known if not said.modalities or one.modality in said.modalities]
    best = max(
        fits, key=lambda one: (likeness(wanted, words_of(one.text)), one.code), default=None
    )
    if best is not None and (alike := likeness(wanted, words_of(best.text))) >= ALIKE:
        how = "the same words" if alike == 1 else "the likest text"
        line = replace(best, owner_group=owner, site=code.site, code=code.code, text=code.text)
        return Suggestion(line, f"{how} in your maps: {best.text} ({best.code})")
    return _from_words(code, wanted, known, owner, said)


def _from_words(
    code: Unmapped, wanted: frozenset[str], known: Sequence[Procedure], owner: GroupId,
    said: ImagesSay,
) -> Suggestion | None:  # fmt: skip
    modality = _told(_MODALITIES, wanted) or (said.modalities[0] if said.modalities else "")
    parts = words_of(" ".join(said.body_parts))
    region = _told(_REGIONS, wanted) or _told(_REGIONS, parts)
    reader = _reader(modality, region, wanted, {one.subspecialty for one in known})
    if not modality or not reader:
        return None
    alike = [one for one in known if one.modality == modality]
    minutes = median_low([one.minutes for one in alike]) if alike else _MINUTES.get(modality, 8)
    line = Procedure(
        owner, code.site, code.code, code.text, modality, region, reader,
        modality in _ADVANCED, minutes, contrast=contrast_of(wanted),
        certificates=("MQSA",) if modality == "MG" else (),
    )  # fmt: skip
    told = "the words of the order" if _told(_MODALITIES, wanted) else "the images' own tags"
    return Suggestion(line, f"{told}: {modality} {region}".rstrip())


@dataclass(frozen=True, slots=True)
class WordsSay:
    """What the words of a procedure tell; empty where they tell nothing."""

    modality: str
    region: str


def words_say(text: str) -> WordsSay:
    """Tell modality and body region from words alone, for ordering and never for reading."""
    wanted = words_of(text)
    return WordsSay(_told(_MODALITIES, wanted), _told(_REGIONS, wanted))


def _reader(modality: str, region: str, wanted: frozenset[str], known: Iterable[str]) -> str:
    there = frozenset(known)
    if "child" in wanted and "peds" in there:
        return "peds"
    if modality in ("NM", "PT"):
        return "nuclear"
    if modality == "MG":
        return "breast"
    return _BY_REGION.get(region, "")


def contrast_of(wanted: frozenset[str]) -> str:
    """Tell the contrast from words: without, with, both, or empty."""
    both = {"with", "without"} <= wanted
    return "both" if both else next((one for one in ("without", "with") if one in wanted), "")


def words_of(text: str) -> frozenset[str]:
    """The words of a procedure text, abbreviations spelled out, sides and fillers left out."""
    plain = (
        text.casefold().replace("w/o", " wo ").replace("w/", " with ").replace("x-ray", "xray")
    )
    parts = "".join(c if c.isalnum() else " " for c in plain).split()
    spelled = " ".join(_SAME_WORD.get(one, one) for one in parts).split()
    return frozenset(one for one in spelled if one not in _NOISE)


def likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """Share of common words, 0 to 1."""
    return len(one & other) / len(one | other) if one and other else 0.0


def _told(lexicon: dict[str, str], words: frozenset[str]) -> str:
    """What most of the words mean; ties go to the first in the lexicon's order."""
    found = [meaning for word, meaning in lexicon.items() if word in words]
    return max(found, key=found.count, default="")


def modality_of(words: frozenset[str]) -> str:
    """Tell the modality that words name; empty where they name none."""
    return _told(_MODALITIES, words)


def region_of(words: frozenset[str]) -> str:
    """Tell the body region that words name; empty where they name none."""
    return _told(_REGIONS, words)
