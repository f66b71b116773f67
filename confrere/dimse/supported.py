"""What the DICOM door provides and what we ask of others: the one table that negotiation uses.

The conformance statement is printed from the same rows. Pure.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from confrere.dimse import syntaxes

SCP, SCU = "SCP", "SCU"
PLAIN = (syntaxes.EXPLICIT_LE, syntaxes.IMPLICIT_LE)


@dataclass(frozen=True, slots=True)
class Supported:
    """One service in one role, with its SOP classes.

    `takes` decides for classes that no list can name (storage); else `classes` is the whole.
    """

    name: str  # as `Service.name`
    title: str
    role: str
    operations: str
    classes: tuple[str, ...]
    when: str = ""  # what switches it on
    stored: bool = False  # all stored syntaxes, not only the plain two
    takes: Callable[[str], bool] | None = field(default=None, compare=False)

    def accepts(self, uid: str) -> bool:
        """Say whether a SOP class is part of this service."""
        return self.takes(uid) if self.takes is not None else uid in self.classes


_FIND, _MOVE, _GET = (
    tuple(roots) for roots in (syntaxes.FIND_ROOTS, syntaxes.MOVE_ROOTS, syntaxes.GET_ROOTS)
)
_STORAGE = tuple(sorted(syntaxes.known_storage_classes()))

PROVIDED = {
    one.name: one
    for one in (
        Supported("echo", "Verification", SCP, "C-ECHO", (syntaxes.VERIFICATION,), stored=True),
        Supported(
            "store", "Storage", SCP, "C-STORE", _STORAGE, stored=True,
            takes=syntaxes.is_storage_class,
        ),
        Supported("find", "Query", SCP, "C-FIND", _FIND),
        Supported("move", "Retrieve", SCP, "C-MOVE", _MOVE, "to registered machines only"),
        Supported("get", "Retrieve", SCP, "C-GET", _GET),
        Supported(
            "worklist", "Modality Worklist", SCP, "C-FIND", (syntaxes.MODALITY_WORKLIST,),
            "a site's Services, *Modality worklist*",
        ),
        Supported(
            "performed", "Modality Performed Procedure Step", SCP, "N-CREATE, N-SET",
            (syntaxes.PERFORMED_STEP,), "a site's Services, *Performed procedure steps*",
        ),
        Supported(
            "commitment", "Storage Commitment Push Model", SCP, "N-ACTION, N-EVENT-REPORT",
            (syntaxes.STORAGE_COMMITMENT,),
            "a site's Services: Confrere is its archive, and *Storage commitment*",
        ),
    )
}  # fmt: skip
USED = (
    Supported("echo", "Verification", SCU, "C-ECHO", (syntaxes.VERIFICATION,), "*Echo*"),
    Supported(
        "store", "Storage", SCU, "C-STORE", _STORAGE, "C-MOVE; *Send images*", stored=True
    ),
    Supported(
        "availability", "Instance Availability Notification", SCU, "N-CREATE",
        (syntaxes.INSTANCE_AVAILABILITY,), "a system that is registered for it",
    ),
)  # fmt: skip
