"""Which SOP classes and transfer syntaxes the door takes. Pure."""

from pydicom._uid_dict import UID_dictionary

IMPLICIT_LE = "1.2.840.10008.1.2"
EXPLICIT_LE = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
EXPLICIT_BE = "1.2.840.10008.1.2.2"
VERIFICATION = "1.2.840.10008.1.1"
_QR = "1.2.840.10008.5.1.4.1.2."
# SOP class to the root of its information model (PS3.4 C.6): patient root, study root
FIND_ROOTS = {_QR + "1.1": "PATIENT", _QR + "2.1": "STUDY"}
MOVE_ROOTS = {_QR + "1.2": "PATIENT", _QR + "2.2": "STUDY"}
GET_ROOTS = {_QR + "1.3": "PATIENT", _QR + "2.3": "STUDY"}
MODALITY_WORKLIST = "1.2.840.10008.5.1.4.31"
STORAGE_COMMITMENT = "1.2.840.10008.1.20.1"
STORAGE_COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1.1"  # well-known (PS3.4 J.3.5)
PERFORMED_STEP = "1.2.840.10008.3.1.2.3.3"
INSTANCE_AVAILABILITY = "1.2.840.10008.5.1.4.33"

# Any class under these roots, known to pydicom's dictionary or not: modalities are newer than
# any list, and an archive that keeps bytes need not know a class to store it (PS3.4 B.3.1).
_STORAGE_ROOT = "1.2.840.10008.5.1.4.1.1."
# Storage classes outside that root: hanging protocols, colour palettes, implants, RT delivery.
_OTHER_STORAGE = frozenset(
    uid
    for uid, (name, kind, *_) in UID_dictionary.items()
    if kind == "SOP Class" and " Storage" in name and uid.startswith("1.2.840.10008.5.1.4.")
)
# Query, retrieve and creation classes that share the storage root.
_NOT_STORAGE = frozenset(
    uid
    for uid, (name, kind, *_) in UID_dictionary.items()
    if kind == "SOP Class"
    and uid.startswith(_STORAGE_ROOT)
    and name.endswith((" - FIND", " - MOVE", " - GET", "Creation", "Query"))
)


# Newer than pydicom's dictionary, to which pynetdicom adds them whenever it is imported
# (PS3.5 A.4.12): named here, so that what the door takes does not hang on that.
JPEG_XL = {
    "1.2.840.10008.1.2.4.110": "JPEG XL Lossless",
    "1.2.840.10008.1.2.4.111": "JPEG XL JPEG Recompression",
    "1.2.840.10008.1.2.4.112": "JPEG XL",
}

# Native and encapsulated syntaxes with the pixels inside. Not those of JPIP, whose pixels lie on
# another server, nor those of SMPTE ST 2110, which are for live video (PS3.22).
STORED_SYNTAXES = frozenset(
    uid
    for uid, (name, kind, *_) in UID_dictionary.items()
    if kind == "Transfer Syntax"
    and (
        uid in {IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE}
        or uid.startswith("1.2.840.10008.1.2.4.")
        or uid == "1.2.840.10008.1.2.5"
    )
    and not name.startswith("JPIP")
) | frozenset(JPEG_XL)


def is_storage_class(uid: str, private: frozenset[str] = frozenset()) -> bool:
    """Whether instances of this class are taken; `private` adds a site's own classes."""
    if uid in private or uid in _OTHER_STORAGE:
        return True
    return uid.startswith(_STORAGE_ROOT) and uid not in _NOT_STORAGE


def known_storage_classes() -> frozenset[str]:
    """The storage classes that have a name, retired ones included."""
    return frozenset(
        uid
        for uid, (_, kind, *_) in UID_dictionary.items()
        if kind == "SOP Class" and is_storage_class(uid)
    )


def choose_plain(proposed: tuple[str, ...]) -> str | None:
    """Pick explicit or implicit little endian, whichever the proposer lists first."""
    return next((s for s in proposed if s in {EXPLICIT_LE, IMPLICIT_LE}), None)


def choose(proposed: tuple[str, ...], *, deflated: bool = False) -> str | None:
    """Pick the first syntax of the proposer's list that we keep; implicit and big endian only last.

    A proposer lists what it has first; the two old encodings lose VRs or need swapping, so any
    other syntax that it offers goes before them.
    """
    taken = [s for s in proposed if s in STORED_SYNTAXES or (deflated and s == DEFLATED)]
    better = [s for s in taken if s not in {IMPLICIT_LE, EXPLICIT_BE}]
    return next(iter(better or taken), None)
