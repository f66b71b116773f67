"""Our own example rules of appropriateness, with public sources. Data.

They paraphrase published statements and are no licensed criteria; a group loads those itself.
"""

from datetime import date

from confrere.orders.appropriateness import AppropriatenessRule, When

SINCE = date(2020, 1, 1)
OWNER = "imaging lead"
_CHOOSING = "Choosing Wisely"
_CANCER = ("cancer", "malignan", "tumor", "tumour", "metasta", "lymphoma")
_INFECTED = ("fever", "infection", "abscess", "immun", "hiv", "iv drug", "sepsis")
_HURT = ("trauma", "fall", "fell", "fracture", "injur", "mvc", "accident")
_DEFICIT = (
    "weakness", "numb", "deficit", "aphasia", "slurred", "seizure", "confus", "papill",
    "altered", "vision", "gait", "focal",
)  # fmt: skip


def _rule(code: str, title: str, says: str, cites: str, when: When, area: str = "") -> (
    AppropriatenessRule
):  # fmt: skip
    return AppropriatenessRule(code, 1, title, says, cites, OWNER, SINCE, None, when, area)


BUILT_IN = (
    _rule(
        "LOW_BACK_PAIN", "Imaging for low back pain",
        "low back pain of less than six weeks without a red flag rarely gains from imaging",
        f"{_CHOOSING}: American Academy of Family Physicians 2012; American College of "
        "Physicians 2012",
        When(
            modalities=("XR", "CT", "MR"), regions=("spine",), procedure=("lumbar",),
            indication=("low back pain", "lower back pain", "lumbago", "back pain"),
            diagnoses=("M54.5",),
            unless=(*_CANCER, *_INFECTED, *_HURT, *_DEFICIT, "cauda", "incontinence",
                    "retention", "saddle", "weight loss", "osteopor", "steroid", "progressive",
                    "radicul", "six weeks", "6 weeks", "months", "chronic", "failed",
                    "surgery", "surgical", "post-op", "post op"),
            unless_diagnoses=("C", "G83.4", "M80", "S", "M54.1", "M46"),
        ), "low back pain",
    ),
    _rule(
        "HEADACHE", "Imaging for uncomplicated headache",
        "an uncomplicated headache without risk factors rarely gains from imaging",
        f"{_CHOOSING}: American College of Radiology 2012",
        When(
            modalities=("CT", "MR"), regions=("head",), age_below=50,
            indication=("headache", "migraine"), diagnoses=("R51", "G43", "G44.2"),
            unless=(*_CANCER, *_INFECTED, *_HURT, *_DEFICIT, "sudden", "thunderclap", "worst",
                    "stroke", "bleed", "hemorrhage", "aneurysm", "pregnan", "postpartum",
                    "stiff", "anticoag", "warfarin", "new onset", "exertion", "shunt"),
            unless_diagnoses=("C", "I6", "S0", "G40", "R29", "O"),
        ), "headache",
    ),
    _rule(
        "SYNCOPE", "Brain imaging for simple syncope",
        "simple syncope with a normal neurological examination needs no brain imaging",
        f"{_CHOOSING}: American College of Physicians 2012",
        When(
            modalities=("CT", "MR"), regions=("head",), indication=("syncope", "fainted"),
            diagnoses=("R55",), unless=(*_CANCER, *_HURT, *_DEFICIT, "headache", "anticoag",
                                        "warfarin", "struck", "head strike"),
            unless_diagnoses=("S0", "I6", "G40", "C"),
        ),
    ),
    _rule(
        "PREOPERATIVE_CHEST", "Chest film before surgery",
        "a routine chest film before surgery, with nothing in history or examination, "
        "rarely changes what is done",
        f"{_CHOOSING}: American College of Radiology 2012",
        When(
            modalities=("XR",), regions=("chest",), age_below=70,
            indication=("preop", "pre-op", "pre op", "before surgery", "surgical clearance"),
            diagnoses=("Z01.810", "Z01.811", "Z01.818"),
            unless=(*_CANCER, *_INFECTED, *_HURT, "cough", "dyspn", "short of breath", "copd",
                    "heart failure", "chf", "chest pain", "smok", "asthma"),
        ),
    ),
    _rule(
        "APPENDICITIS_CHILD", "CT for suspected appendicitis in a child",
        "ultrasound first may spare a child the CT",
        f"{_CHOOSING}: American College of Radiology 2012",
        When(
            modalities=("CT",), regions=("abdomen", "pelvis"), age_below=18,
            indication=("appendicitis", "right lower quadrant", "rlq"),
            diagnoses=("K35", "K37", "R10.31"), unless=(*_HURT, "ultrasound"),
            unless_recent=("US", "abdomen", "3"),
        ),
    ),
    _rule(
        "EMBOLISM_UNLIKELY", "CT for pulmonary embolism of low probability",
        "with a low pre-test probability and a negative D-dimer no imaging is needed",
        f"{_CHOOSING}: American College of Radiology 2012",
        When(
            modalities=("CT",), regions=("chest",), procedure=("angiogram",),
            indication=("d-dimer negative", "negative d-dimer", "perc negative",
                        "low probability", "low pretest"),
        ), "suspected pulmonary embolism",
    ),
    _rule(
        "SINUSITIS", "CT for uncomplicated acute sinusitis",
        "uncomplicated acute rhinosinusitis needs no CT",
        f"{_CHOOSING}: American Academy of Allergy, Asthma & Immunology 2012",
        When(
            modalities=("CT",), regions=("head",), procedure=("sinuses",),
            indication=("acute sinusitis", "acute rhinosinusitis"), diagnoses=("J01",),
            unless=(*_CANCER, *_HURT, *_DEFICIT, "orbit", "complic", "immun", "surgery",
                    "chronic", "recurrent", "polyp"),
        ),
    ),
    _rule(
        "TWICE_ABDOMEN", "CT abdomen without and with contrast",
        "both without and with contrast doubles the dose and is seldom needed",
        "CMS Hospital Outpatient Quality Reporting, measure OP-10",
        When(
            modalities=("CT",), regions=("abdomen",), contrast=("both",),
            unless=(*_CANCER, "renal mass", "kidney mass", "adrenal", "hematuria", "liver",
                    "hepat", "pancrea", "bleed", "aneurysm", "transplant", "stent"),
            unless_diagnoses=("C", "R31", "N28", "D", "I71", "K8"),
        ),
    ),
    _rule(
        "CONTRAST_KIDNEY", "Iodinated contrast with low kidney function",
        "with an eGFR under 30 iodinated contrast needs a decision on prophylaxis, or another "
        "exam",
        "American College of Radiology and National Kidney Foundation consensus, Radiology "
        "2020;294:660",
        When(modalities=("CT",), contrast=("with", "both"), egfr_below=30),
    ),
)  # fmt: skip
CODES = tuple(one.code for one in BUILT_IN)
