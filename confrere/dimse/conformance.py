"""The DICOM conformance statement (PS3.2 annex A form), written from what negotiation uses. Pure."""

from collections.abc import Iterable, Iterator

from pydicom.uid import UID

from confrere.dimse import commitment, identifier, performed
from confrere.dimse.limits import Limits
from confrere.dimse.supported import PLAIN, PROVIDED, USED, Supported
from confrere.dimse.syntaxes import JPEG_XL, STORED_SYNTAXES
from confrere.imaging.part10 import IMPLEMENTATION_CLASS, IMPLEMENTATION_VERSION

NOTE = (
    "This page is printed by `confrere conformance` from the tables that negotiate. "
    "A test compares them, and negotiates each claim on a real association."
)


def statement() -> str:
    """The whole page."""
    return "\n".join((*_overview(), *_networking(), *_policies(), *_details(), *_rest(), ""))


def _overview() -> Iterator[str]:
    yield from ("# DICOM conformance statement", "", NOTE, "", "## 1. Overview", "")
    yield (
        "Confrere receives, keeps, finds and gives back images of any modality by DICOM, tells "
        "modalities what is ordered, and hears when exams begin and end. It is one application "
        "entity. Web services are described in [DICOMweb](dicomweb.md)."
    )
    yield from (
        "",
        "| Service | Operations | User (SCU) | Provider (SCP) |",
        "|---|---|---|---|",
    )
    rows = {(one.title, one.operations): [False, False] for one in (*PROVIDED.values(), *USED)}
    for one in (*PROVIDED.values(), *USED):
        rows[one.title, one.operations][one.role == "SCP"] = True
    for (title, operations), (uses, provides) in rows.items():
        yield f"| {title} | {operations} | {_word(uses)} | {_word(provides)} |"
    yield from ("", "No media are written or read as a DICOM file-set.", "")


def _networking() -> Iterator[str]:
    yield from ("## 2. Networking", "", "### 2.1 SOP classes provided (SCP)", "")
    yield from _classes(PROVIDED.values())
    yield (
        "Storage takes any class under 1.2.840.10008.5.1.4.1.1 too, named above or not yet: "
        "objects are kept byte for byte (level 2, full), and nothing is coerced at the door."
    )
    yield from ("", "### 2.2 SOP classes used (SCU)", "")
    yield from _classes(USED)
    yield from ("### 2.3 Transfer syntaxes", "")
    yield (
        "Storage and verification take those below, in the proposer's order; implicit and big "
        "endian only when nothing else is proposed. All other services take explicit and "
        "implicit little endian. Storage as user proposes the stored syntax, and both plain ones."
    )
    yield from ("", "| Transfer syntax | UID | Storage | Other services |", "|---|---|---|---|")
    for uid in sorted(STORED_SYNTAXES):
        yield f"| {JPEG_XL.get(uid) or UID(uid).name} | {uid} | yes | {_word(uid in PLAIN)} |"
    yield ""


def _classes(rows: Iterable[Supported]) -> Iterator[str]:
    for one in rows:
        when = f" Offered when: {one.when}." if one.when else ""
        yield from (f"#### {one.title}, {one.role}: {one.operations}", "")
        if when:
            yield from (when.strip(), "")
        yield from ("| SOP class | UID |", "|---|---|")
        yield from (f"| {UID(uid).name} | {uid} |" for uid in one.classes)
        yield ""


def _policies() -> Iterator[str]:
    limits = Limits()
    yield from ("### 2.4 Association policies", "", "| Item | Value |", "|---|---|")
    for item, value in (
        ("Application context", "1.2.840.10008.3.1.1.1"),
        ("Implementation class UID", IMPLEMENTATION_CLASS),
        ("Implementation version name", IMPLEMENTATION_VERSION),
        ("Longest PDU offered", f"{limits.offered_pdu} bytes"),
        ("Associations at once", (f"{limits.associations}; of one address "
         f"{limits.associations_per_address}")),
        ("Presentation contexts", str(limits.contexts)),
        ("Asynchronous operations", "not negotiated: one at a time"),
        ("Role selection", "for C-GET, and for reports of storage commitment"),
        ("Extended negotiation, user identity", "not supported"),
        ("Longest object", f"{limits.data_set} bytes"),
        ("Longest identifier", f"{identifier.MOST_BYTES} bytes"),
        ("Idle time", f"{limits.idle.total_seconds():.0f} s"),
    ):  # fmt: skip
        yield f"| {item} | {value} |"
    yield from (
        "",
        (
            "An association is accepted from registered AE titles only, each from its own address "
            "or with its own certificate, and when it calls our title exactly. Others are rejected: "
            "calling AE title not recognized. A machine sees its own group's studies, and where it "
            "is registered for a site that site's only."
        ),
        "",
    )


def _details() -> Iterator[str]:
    yield from ("### 2.5 Statuses", "", "| Service | Status | Meaning |", "|---|---|---|")
    for service, code, meaning in (
        ("C-STORE", "A700", "out of resources"),
        ("C-STORE", "A900, C000", "the object is not what its command says, or is broken"),
        ("C-STORE", "C002", "other bytes are stored under this UID; both are kept"),
        ("C-FIND", "FF01", "a key is not supported for matching"),
        ("C-MOVE", "A801", "the destination is not registered"),
        ("C-MOVE, C-GET", "B000", "some objects could not be sent"),
        ("N-ACTION", "0112, 0115, 0123", "wrong instance, argument or action"),
        ("N-CREATE (MPPS)", "0106, 0111, 0120, 0121", "wrong, duplicate, missing or empty"),
        ("N-SET (MPPS)", "0110, error id A506", "the step is over"),
        ("N-SET (MPPS)", "0112", "no such step of this machine"),
        ("all", "0124", "not authorised"),
    ):
        yield f"| {service} | {code} | {meaning} |"
    yield from (
        "",
        (
            "**Storage commitment.** Each instance is read again and its digest compared before it "
            "is committed. The report comes on the same association while it is open and silent, "
            "else on one of ours to the registered port, tried again until it is taken. Failure "
            "reasons: 0110 (not whole, or not of a site whose archive we are), 0112, 0119. At most "
            f"{commitment.MOST_REFERENCES} instances a request."
        ),
        "",
        (
            "**MPPS.** A step is begun IN PROGRESS, and completed or discontinued by the machine "
            "that began it. A step that is over must tell its end; a completed one its series. At "
            f"most {performed.MOST_BYTES} bytes a message. The end of the last completed step is "
            "when the exam was complete, unless the site's own message tells it."
        ),
        "",
        (
            "**Modality Worklist.** A step is scheduled at the time of its order, for whichever "
            "station asks."
        ),
        "",
    )


def _rest() -> Iterator[str]:
    yield from (
        "## 3. Character sets",
        "",
        (
            "All of PS3.3 C.12.1.1.2, with and without code extensions, are read. Answers are "
            "written in the single-byte set that was asked in, when it holds the text, else in "
            "UTF-8 (ISO_IR 192)."
        ),
        "",
        "## 4. Security",
        "",
        (
            "TLS 1.2 and 1.3 by the BCP 195 profile (PS3.15), with client certificates bound to AE "
            "titles, on a port of its own, and as caller to each machine where that is set: "
            "[TLS](howto/tls.md). De-identification: "
            "[Basic profile and options](deidentification.md). Each association, query, retrieval "
            "and change is on the audit trail."
        ),
        "",
        "## 5. Configuration",
        "",
        (
            "AE title, addresses, ports and TLS: [settings](settings.md). Machines and sites: "
            "[connect a PACS](howto/connect-a-pacs.md)."
        ),
        "",
        "No private SOP classes, attributes or transfer syntaxes are defined.",
    )


def _word(claim: bool) -> str:
    return "yes" if claim else "no"
