"""What can go wrong, in the domain's words. Edges turn each into their own protocol's answer.

Every message is written for the person who asked: it names the field and the remedy, and
carries no patient data.
"""


class DomainError(Exception):
    """A rule of the domain said no."""


class NotFound(DomainError):
    """The thing asked for does not exist, or is not this group's to see."""


class Conflict(DomainError):
    """Someone else changed it first, or its state no longer allows this."""


class Refused(DomainError):
    """The person, group or agreement lacks the right to do this."""


class Invalid(DomainError):
    """The input breaks a rule; `field` names where, so that it can be mended."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class Unavailable(DomainError):
    """A part that is needed does not answer just now; trying again later is right."""
