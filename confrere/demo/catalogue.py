"""Forty procedures that every site of the demonstration performs, under codes of its own.

Minutes and work units are illustrative, chosen for plausible proportions; codes and wording
are this project's own and follow no published code set.
"""

from dataclasses import dataclass
from decimal import Decimal

from confrere.demo.places import NUMBERS, WORDS, SitePlan


@dataclass(frozen=True, slots=True)
class ProcedurePlan:
    """One procedure. `frequency` is its weight among ED, inpatients and outpatients."""

    word: str
    text: str
    modality: str
    body_region: str
    subspecialty: str
    minutes: int
    wrvu: Decimal
    frequency: tuple[float, float, float]
    advanced: bool = False  # may wait for a subspecialist where it is not urgent

    @property
    def contrast(self) -> str:
        """As the text says it."""
        if "with and without" in self.text:
            return "both"
        return next((c for c in ("without", "with") if f"{c} contrast" in self.text), "")

    @property
    def certificates(self) -> tuple[str, ...]:
        """What a reader must hold besides: 21 CFR 900.12(a)(1) for mammography."""
        return ("MQSA",) if self.modality == "MG" else ()


def _row(line: str) -> ProcedurePlan:
    cells = [cell.strip() for cell in line.split("|")]
    word, text, modality, region, subspecialty, minutes, wrvu, often = cells
    emergency, inpatient, outpatient = (float(part) for part in often.split())
    return ProcedurePlan(
        word, text, modality, region, subspecialty, int(minutes), Decimal(wrvu),
        (emergency, inpatient, outpatient), modality in ("MR", "PT", "NM") or "angiogram" in text,
    )  # fmt: skip


_TABLE = """
CTHEAD   | CT head without contrast              | CT | head      | neuro   |  7 | 0.85 | 15 6 2
CTAHEAD  | CT angiogram head and neck            | CT | head      | neuro   | 16 | 1.75 | 4 2 0.5
CTSINUS  | CT sinuses                            | CT | head      | neuro   |  7 | 0.85 | 0.4 0.2 1.5
CTNECK   | CT soft tissue neck with contrast     | CT | neck      | neuro   | 11 | 1.38 | 1 0.6 0.8
CTCSPINE | CT cervical spine                     | CT | spine     | neuro   |  9 | 1.00 | 5 0.8 0.4
CTLSPINE | CT lumbar spine                       | CT | spine     | neuro   |  9 | 1.00 | 1 0.6 0.6
CTCHEST  | CT chest with contrast                | CT | chest     | chest   | 10 | 1.16 | 3 4 5
CTCHESTN | CT chest without contrast             | CT | chest     | chest   |  9 | 1.08 | 1 3 4
CTPE     | CT angiogram chest, pulmonary embolus | CT | chest     | chest   | 12 | 1.82 | 6 3 0.3
CTABDPEL | CT abdomen and pelvis with contrast   | CT | abdomen   | body    | 13 | 1.82 | 13 8 7
CTSTONE  | CT abdomen and pelvis, stone          | CT | abdomen   | body    | 10 | 1.74 | 5 0.6 0.8
CTAAORTA | CT angiogram aorta                    | CT | abdomen   | body    | 18 | 2.20 | 1 1 0.5
CTHEART  | CT coronary angiogram                 | CT | heart     | cardiac | 20 | 2.40 | 0.3 0.5 1
CTANKLE  | CT ankle                              | CT | extremity | msk     |  9 | 1.00 | 1 0.4 0.6
MRBRAIN  | MR brain with and without contrast    | MR | head      | neuro   | 17 | 2.29 | 1 4 6
MRBRAINN | MR brain without contrast             | MR | head      | neuro   | 13 | 1.48 | 1 2 3
MRCSPINE | MR cervical spine                     | MR | spine     | neuro   | 13 | 1.48 | 0.4 0.8 3
MRLSPINE | MR lumbar spine                       | MR | spine     | neuro   | 12 | 1.48 | 0.8 1 6
MRABD    | MR abdomen with and without contrast  | MR | abdomen   | body    | 18 | 2.20 | 0.2 1.5 2.5
MRPELVIS | MR pelvis                             | MR | pelvis    | body    | 17 | 2.20 | 0.1 0.4 2
MRKNEE   | MR knee                               | MR | extremity | msk     | 12 | 1.35 | 0.1 0.1 5
MRSHOUL  | MR shoulder                           | MR | extremity | msk     | 12 | 1.35 | 0 0 4
MRHEART  | MR heart                              | MR | heart     | cardiac | 26 | 2.60 | 0 0.3 0.8
MRBREAST | MR breasts                            | MR | breast    | breast  | 20 | 2.30 | 0 0 1.5
XRCHEST1 | X-ray chest, one view, portable       | CR | chest     | chest   |  2 | 0.18 | 14 30 0
XRCHEST2 | X-ray chest, two views                | CR | chest     | chest   |  3 | 0.22 | 6 2 10
XRABD    | X-ray abdomen                         | CR | abdomen   | general |  3 | 0.22 | 2 5 1.5
XRHAND   | X-ray hand                            | CR | extremity | msk     |  3 | 0.17 | 4 0.3 5
XRHIP    | X-ray hip                             | CR | extremity | msk     |  3 | 0.18 | 4 2 4
XRKNEE   | X-ray knee                            | CR | extremity | msk     |  3 | 0.17 | 3 0.8 7
XRSPINE  | X-ray lumbar spine                    | CR | spine     | msk     |  3 | 0.22 | 2 0.5 5
XRCHILD  | X-ray chest, child                    | CR | chest     | peds    |  3 | 0.22 | 4 0.6 2
USABD    | Ultrasound abdomen                    | US | abdomen   | body    |  8 | 0.81 | 3 3 6
USPELVIS | Ultrasound pelvis                     | US | pelvis    | body    |  8 | 0.69 | 2 0.3 5
USLEG    | Ultrasound leg veins                  | US | extremity | general |  6 | 0.45 | 3 2.5 1.5
USCHILD  | Ultrasound appendix, child            | US | abdomen   | peds    |  8 | 0.69 | 1.2 0.2 0.3
MGSCREEN | Screening mammogram, both breasts     | MG | breast    | breast  |  4 | 0.76 | 0 0 14
MGDIAG   | Diagnostic mammogram                  | MG | breast    | breast  |  7 | 0.90 | 0 0 3
NMBONE   | Bone scan                             | NM | whole body| nuclear |  9 | 0.86 | 0 0.4 1.2
PETBODY  | PET/CT, skull base to thigh           | PT | whole body| nuclear | 22 | 2.40 | 0 0.3 2
IRDRAIN  | Image-guided drainage                 | CT | abdomen   | ir      | 30 | 3.50 | 0.2 1.5 0.3
IRBIOPSY | Image-guided biopsy                   | US | abdomen   | ir      | 25 | 2.80 | 0 0.8 1
"""
PROCEDURES = tuple(_row(line) for line in _TABLE.strip().splitlines())
BY_WORD = {one.word: one for one in PROCEDURES}


def local_code(site: SitePlan, word: str) -> str:
    """How this site's systems write a procedure; KeyError for an unknown word."""
    place = PROCEDURES.index(BY_WORD[word])
    if site.codes == WORDS:
        return word
    return str(4010 + 10 * place) if site.codes == NUMBERS else f"IMG{1107 + 7 * place}"
