"""What part of the body, which side and which technique the words of an exam name. Pure.

A procedure map's region is coarse ("spine", "extremity"); two exams of one region are alike
only when their words do not name different parts, sides or techniques.
"""

import re

from confrere.orders.suggesting import contrast_of, modality_of, region_of, words_of

FILMS = frozenset(("CR", "DX", "RG", "XR"))
_PARTS = frozenset(
    (
        "cervical", "thoracic", "lumbar", "sacrum", "orbit", "sinus", "sinuses", "pituitary",
        "temporal", "facial", "hip", "knee", "ankle", "foot", "toe", "shoulder", "elbow",
        "wrist", "hand", "finger", "femur", "tibia", "humerus", "forearm", "leg", "arm",
        "thyroid", "carotid", "ribs", "heart", "appendix",
    )
)  # fmt: skip
# an angiogram does not repeat a plain CT; a diagnostic mammogram answers a screening one
_TECHNIQUES = frozenset(
    ("angiogram", "perfusion", "venogram", "screening", "diagnostic", "coronary", "sinuses")
)
_PROCEDURES = frozenset(
    ("guided", "biopsy", "drainage", "ablation", "injection", "aspiration", "embolization")
)
_LINES = frozenset(
    ("portable", "bedside", "line", "tube", "picc", "catheter", "placement", "ett", "ngt")
)
_REPEATS = frozenset(("repeat", "repeated", "retake", "rejected"))
_LEFT = re.compile(r"\b(left|lt|l)\b", re.IGNORECASE)
_RIGHT = re.compile(r"\b(right|rt|r)\b", re.IGNORECASE)
_BOTH = re.compile(r"\b(bilateral|both|bilat)\b", re.IGNORECASE)
_NEW_EVENT = re.compile(
    r"\b(trauma|fall|fell|mvc|mva|accident|injur(?:y|ies|ed)|assault|post-?op(?:erative)?|"
    r"after (?:surgery|operation)|s/p|status post|device|stent|new (?:deficit|weakness))\b",
    re.IGNORECASE,
)


def family(modality: str) -> str:
    """Bring a modality to what is compared: all plain films are one."""
    said = modality.strip().upper()
    return "XR" if said in FILMS else said


def parts(text: str) -> frozenset[str]:
    """The finer parts of a region that the words of an exam name."""
    return words_of(text) & _PARTS


def techniques(text: str) -> frozenset[str]:
    """The words that make an exam another one than a plain exam of the same region."""
    return words_of(text) & _TECHNIQUES


def side(text: str) -> str:
    """Tell the side: left, right, both; empty where the words name none."""
    left, right = bool(_LEFT.search(text)), bool(_RIGHT.search(text))
    if _BOTH.search(text) or (left and right):
        return "both"
    return "left" if left else "right" if right else ""


def is_procedure(text: str) -> bool:
    """Say whether it is an intervention under images and no exam."""
    return bool(words_of(text) & _PROCEDURES)


def is_line_check(modality: str, region: str, text: str) -> bool:
    """Say whether it is a bedside film or one that looks for a line or tube."""
    return family(modality) == "XR" and region in ("chest", "abdomen") and bool(
        words_of(text) & _LINES
    )  # fmt: skip


def is_technical_repeat(text: str) -> bool:
    """Say whether the exam itself says that it repeats one that failed."""
    return bool(words_of(text) & _REPEATS)


def names_new_event(text: str) -> bool:
    """Say whether a clinical question names what happened since: trauma, surgery, a device.

    A word that is denied ("no trauma") counts too: then nothing is called a repeat.
    """
    return bool(_NEW_EVENT.search(text))


def typed_by_words(text: str) -> tuple[str, str, str]:
    """Tell modality, region and contrast from the words alone; empty where they say nothing."""
    words = words_of(text)
    return modality_of(words), region_of(words), contrast_of(words)
