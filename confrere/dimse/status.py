"""How our errors read as DIMSE statuses: the one table of this edge (PS3.4 table B.2-1)."""

import errno
import logging

from confrere.dimse.service import Outcome
from confrere.kernel.errors import (
    Conflict,
    DomainError,
    Invalid,
    NotFound,
    Refused,
    Unavailable,
)

log = logging.getLogger(__name__)

SUCCESS = 0x0000
PROCESSING_FAILURE = 0x0110  # PS3.7 C.5.13
INVALID_VALUE = 0x0106  # PS3.7 C.5.11
DUPLICATE_INSTANCE = 0x0111  # PS3.7 C.5.6
NO_SUCH_INSTANCE = 0x0112  # PS3.7 C.5.18
INVALID_ARGUMENT = 0x0115  # PS3.7 C.5.10
INVALID_INSTANCE = 0x0117  # PS3.7 C.5.12
CLASS_CONFLICT = 0x0119  # PS3.7 C.5.3
MISSING_ATTRIBUTE = 0x0120  # PS3.7 C.5.14
MISSING_VALUE = 0x0121  # PS3.7 C.5.15
NO_SUCH_ACTION = 0x0123  # PS3.7 C.5.17
NOT_AUTHORISED = 0x0124  # PS3.7 C.5.25
UNRECOGNISED_OPERATION = 0x0211  # PS3.7 C.5.22
RESOURCE_LIMITATION = 0x0213  # PS3.7 C.5.21
OUT_OF_RESOURCES = 0xA700
NOT_NEGOTIATED = 0x0122  # PS3.7 C.5.24: SOP class not supported (by the peer, in this syntax)
NO_SUB_OPERATIONS = 0xA702  # PS3.4 table C.4-2
UNKNOWN_DESTINATION = 0xA801
DOES_NOT_MATCH_CLASS = 0xA900
CANNOT_UNDERSTAND = 0xC000
UNKNOWN_REFERENCE = 0xC001  # C0xx: "cannot understand", the last byte is ours to choose
CONFLICTING_INSTANCE = 0xC002
CANCELLED = 0xFE00
PENDING, PENDING_PARTLY = 0xFF00, 0xFF01  # the second: a key's matching is not supported
SOME_FAILED = 0xB000
WARNINGS = range(0xB000, 0xC000)

# Invalid fields that mean "this data set is not what its command announced".
_ANNOUNCED = frozenset(("AffectedSOPClassUID", "AffectedSOPInstanceUID"))

_TABLE: tuple[tuple[type[DomainError], int], ...] = (
    (Invalid, CANNOT_UNDERSTAND),
    (Refused, NOT_AUTHORISED),
    (Conflict, CONFLICTING_INSTANCE),
    (NotFound, UNKNOWN_REFERENCE),
    (Unavailable, OUT_OF_RESOURCES),
    (DomainError, CANNOT_UNDERSTAND),
)


def outcome_of(error: BaseException) -> Outcome:
    """Find the status and comment for an error; one we did not foresee is logged with traceback."""
    if isinstance(error, Invalid) and error.field in _ANNOUNCED:
        return Outcome(DOES_NOT_MATCH_CLASS, str(error))
    if isinstance(error, DomainError):
        status = next(status for kind, status in _TABLE if isinstance(error, kind))
        return Outcome(status, str(error))
    if isinstance(error, OSError):
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        name = errno.errorcode.get(error.errno or 0, type(error).__name__)
        log.error("storage failed: %s", name)
        return Outcome(
            OUT_OF_RESOURCES, "Storage is full" if full else "Storage is unavailable"
        )
    # The exception's own text may quote the data set; its type and place do not.
    log.error("unforeseen %s", type(error).__name__, exc_info=_without_text(error))
    return Outcome(PROCESSING_FAILURE, "Processing failure")


def _without_text(error: BaseException) -> BaseException:
    return RuntimeError(type(error).__name__).with_traceback(error.__traceback__)
