"""What is measured, defined once: every page, file and answer takes its words from here. Pure."""

from dataclasses import dataclass

CLOCK = "exam complete to final signature"
NO_CLOCK = "no clock"  # how a clock source reads where there is none


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure. `better` is the direction; `clock` names both ends where time is measured."""

    id: str
    name: str
    numerator: str
    denominator: str
    unit: str
    better: str  # lower, higher, or neither
    clock: str
    source: str


@dataclass(frozen=True, slots=True)
class NotMeasured:
    """A measure that the collaborative wants and for which nothing is recorded here."""

    name: str
    because: str


TURNAROUND = Measure(
    "report-turnaround",
    "Report turnaround",
    "Minutes from exam complete to the final signature, on UTC instants: median, 90th and 95th "
    "percentile (linear, type 7) and mean",
    "Exams counted in the period with both instants and a signature not before exam complete",
    "minutes",
    "lower",
    CLOCK,
    "ACR General Radiology Improvement Database (GRID), report turnaround time",
)
WITHIN = Measure(
    "within-limit",
    "Reported within the limit",
    "Measured exams whose final signature is not after the limit",
    "Measured exams that have a limit: the hospital's contract, else the collaborative's default "
    "for the priority",
    "percent, with the 95 % Wilson interval",
    "higher",
    CLOCK,
    "Hospital contract; defaults of the collaborative",
)
VOLUME = Measure(
    "exams-reported",
    "Exams reported",
    "Exams with a final signature in the period, of the group's own sites, whoever read them",
    "None: a count",
    "exams",
    "neither",
    "final signature; exam complete where the signature's time is missing",
    "Exam facts",
)
LENT = Measure(
    "cross-group-share",
    "Read by another group",
    "Exams whose reader belongs to another group than the exam",
    "Exams counted in the period whose reader's group is known",
    "percent, with the 95 % Wilson interval",
    "neither",
    "final signature",
    "Exam facts",
)
ARRIVALS = Measure(
    "arrivals",
    "Exams arriving",
    "Exams completed in one hour of the week, by the wall clock of the site",
    "Days of that weekday in the period, today left out",
    "exams an hour, mean",
    "neither",
    "exam complete",
    "Exam facts",
)
STAGES = Measure(
    "stages",
    "Where the time goes",
    "Minutes between two steps: median and 90th percentile (linear, type 7)",
    "Exams counted in the period with both instants in order",
    "minutes",
    "lower",
    "each step's own instants",
    "Worklist",
)
MEASURES = (TURNAROUND, WITHIN, VOLUME, LENT, ARRIVALS, STAGES)
NOT_MEASURED = (
    NotMeasured(
        "Critical results told in time",
        "No record of critical results (found, told, received) reaches this system yet.",
    ),
    NotMeasured(
        "Peer review and discrepancies",
        "No peer-learning cases are recorded here, so there is no rate to show.",
    ),
    NotMeasured(
        "Addendum rate",
        "Exam facts do not yet say which reports were amended.",
    ),
)
STEPS = (
    ("Order to exam complete", "ordered_at", "complete_at"),
    ("Exam complete to offer", "complete_at", "offered_at"),
    ("Offer to claim", "offered_at", "claimed_at"),
    ("Claim to final signature", "claimed_at", "final_at"),
    ("Preliminary to final signature", "preliminary_at", "final_at"),
)
