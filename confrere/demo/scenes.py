"""The opening set: the exams that a demonstration begins with. Pure."""

from dataclasses import dataclass
from datetime import date, timedelta

from confrere.demo import pictures, wording
from confrere.demo.messages import PersonPlan

HEAD_PERSON = PersonPlan("Lindgren", "Harriet", date(1951, 3, 9), "F", "60151")
CHEST_PERSON = PersonPlan("Pruitt", "Walter", date(1957, 8, 22), "M", "60424")
# the same woman before and after she married: doubtful, so the review page asks
DOUBTFUL = (
    PersonPlan("Dvorak", "Helen", date(1961, 7, 3), "F", "60118"),
    PersonPlan("Bergstrom", "Helen", date(1961, 7, 3), "F", "60118"),
)
# twins of one house: never one person, whatever else agrees
TWINS = (
    PersonPlan("Olson", "Nicole", date(1990, 2, 11), "F", "53140"),
    PersonPlan("Olson", "Ingrid", date(1990, 2, 11), "F", "53140"),
)
ABDOMEN_PERSON = PersonPlan("Okafor", "Denise", date(1968, 11, 2), "F", "60126")
STROKE_NOTE = "Found at 02:10 with slurred speech; last seen well the evening before."


@dataclass(frozen=True, slots=True)
class Scene:
    """One exam of the opening set. `pictures` is a sample's or phantom's key, or empty."""

    site: str
    word: str
    priority: str
    patient_class: str
    pictures: str
    person: PersonPlan | None = None  # None: someone is invented
    question: str = ""  # empty: one that fits the body region
    report: str = ""  # set: an exam of the past, with this report by its own site
    past: timedelta = timedelta()
    note: str = ""
    allergy: str = ""
    code: str = ""  # a code that no procedure map has
    text: str = ""
    ordered: bool = True  # False: images come without an order
    as_omi: bool = False
    beside: bool = False  # laboratory values and a scanned requisition come along
    images_after: timedelta = timedelta()  # the order comes so long before the images


LIGHT = (
    Scene("LBH", "CTHEAD", "S", "E", "ct-brain"),
    Scene("EKH", "XRSPINE", "R", "E", "cr-neck", DOUBTFUL[0]),
    Scene("CRM", "CTHEART", "R", "O", "ct-calcium", as_omi=True),
    Scene("GBR", "MRBRAIN", "A", "I", "mr-angiography", allergy="Gadolinium contrast"),
    Scene("TCC", "MRLSPINE", "R", "O", "mr-pilot", DOUBTFUL[1], as_omi=True),
    Scene("BWH", "USABD", "R", "E", "us-clip"),
    Scene("LIC", "MRKNEE", "R", "O", "mr-jpeg-ls", TWINS[0]),
    Scene("MOM", "CTCHESTN", "R", "I", "ct-jpeg2000", as_omi=True),
    Scene("LBH", "MRSHOUL", "R", "O", "mr-rle", TWINS[1]),
    Scene(
        "HCM", "CTSINUS", "A", "E", "ct-jpeg2000-lossy", code="CTXTBONE",
        text="CT temporal bones, navigation protocol",
    ),
    Scene("LIC", "USPELVIS", "R", "O", "us-colour", ordered=False),
    Scene("HCM", "XRCHEST1", "A", "I", ""),
)  # fmt: skip
_YEAR = timedelta(days=365)
HEAD_PAIR = (
    Scene(
        "MOM", "CTHEAD", "R", "O", pictures.HEAD_PRIOR, HEAD_PERSON, "Chronic headache",
        wording.HEAD_PRIOR, _YEAR + timedelta(days=49),
    ),
    Scene(
        "HCM", "CTHEAD", "S", "E", pictures.HEAD, HEAD_PERSON,
        "Sudden right-sided weakness and slurred speech, hemorrhage?", note=STROKE_NOTE,
        allergy="Penicillin", beside=True,
    ),
)  # fmt: skip
CHEST_PAIR = (
    Scene(
        "THH", "CTCHEST", "R", "O", pictures.CHEST_PRIOR, CHEST_PERSON, "Persistent cough",
        wording.CHEST_PRIOR, timedelta(days=203),
    ),
    Scene(
        "SMC", "CTCHEST", "A", "E", pictures.CHEST, CHEST_PERSON,
        "Cough with blood; known nodule, growth?", as_omi=True,
    ),
)  # fmt: skip
# a CT that was made nine days ago is ordered again; and a spine that may wait
AGAIN = (
    Scene(
        "HCM", "CTABDPEL", "R", "E", "ct-calcium", ABDOMEN_PERSON, "Right-sided abdominal pain",
        wording.ABDOMEN_PRIOR, timedelta(days=9),
    ),
    Scene("HCM", "CTABDPEL", "R", "E", "", ABDOMEN_PERSON, "Abdominal pain persists"),
    Scene("HCM", "MRLSPINE", "R", "O", "", question="Low back pain since two weeks"),
)  # fmt: skip

# an order that rings a reader, and images that follow
ALERT = Scene(
    "HCM", "CTHEAD", "S", "E", "ct-brain",
    question="CODE STROKE: aphasia, right arm weakness for 40 minutes. LVO?",
    images_after=timedelta(minutes=7),
)  # fmt: skip

# which images stand for which modality in the traffic that goes on
BY_MODALITY = {
    "CT": ("ct-calcium", "ct-small", "ct-jpeg2000", "ct-brain"),
    "MR": ("mr-angiography", "mr-pilot", "mr-abdomen", "mr-rle", "mr-implicit", "mr-jpeg-ls"),
    "CR": ("cr-neck",),
    "US": ("us-clip", "us-colour", "us-palette", "us-jpeg2000"),
}
BY_WORD = {
    "CTHEAD": pictures.HEAD, "CTCHEST": pictures.CHEST, "CTCHESTN": pictures.CHEST_PRIOR,
    "CTPE": pictures.CHEST,
}  # fmt: skip
