"""P-DATA-TF fragments to whole messages: commands in memory, data sets handed on as they come."""

from collections.abc import Callable

from confrere.dimse import pdu
from confrere.dimse.command import Command, parse
from confrere.dimse.limits import Limits
from confrere.dimse.pdu import (
    COMMAND,
    FRAGMENT,
    HEADER,
    INVALID_PARAMETER,
    LAST,
    NOT_SPECIFIED,
    UNEXPECTED_PARAMETER,
    UNEXPECTED_PDU,
    UNRECOGNISED_PDU,
    Malformed,
)
from confrere.dimse.wire import Gone, Wire

_OWN_HEADER = 2  # context and control byte, counted in a fragment's length
_LONGEST_OTHER_PDU = 64  # release and abort have 4 bytes


class Released(Exception):
    """The peer asked for release."""


class Inbound:
    """Reads one association's messages off its wire, once it is established."""

    def __init__(self, wire: Wire, limits: Limits) -> None:
        self._wire = wire
        self._limits = limits
        self._left = 0  # bytes of the current PDU after the current fragment

    def pending(self) -> bool:
        """Say whether the peer has begun to send another message."""
        return bool(self._left) or self._wire.ready()

    def command(self) -> tuple[int, Command]:
        """Return the next command and its presentation context; raises Released, Gone, Malformed."""
        self._wire.allow_message(self._limits.idle)
        fragment = self._fragment()
        self._wire.allow_message(self._limits.message_wait)
        context, data = fragment[0], bytearray()
        while True:
            if fragment[0] != context or not fragment[1] & COMMAND:
                raise Malformed("expected a command fragment", UNEXPECTED_PARAMETER)
            if len(data) + fragment[2] > self._limits.command_set:
                raise Malformed("command set is too long", INVALID_PARAMETER)
            self._each(fragment[2], data.extend)
            if fragment[1] & LAST:
                return context, parse(bytes(data))
            fragment = self._fragment()

    def data_set(self, context: int, write: Callable[[memoryview], None]) -> int:
        """Hand the next data set to `write` as it comes; return how many bytes."""
        total = 0
        while True:
            at, control, length = self._fragment()
            if at != context or control & COMMAND:
                raise Malformed("expected a data set fragment", UNEXPECTED_PARAMETER)
            total += length
            if total > self._limits.data_set:
                raise Malformed("data set is too long", NOT_SPECIFIED)
            self._each(length, write)
            if control & LAST:
                return total

    def _each(self, length: int, write: Callable[[memoryview], None]) -> None:
        some = self._wire.some
        while length:
            part = some(length)
            length -= len(part)
            write(part)

    def _fragment(self) -> tuple[int, int, int]:
        """(context, control header, payload length) of the next fragment, payload unread."""
        if not self._left:
            self._left = self._next_p_data()
        if self._left < FRAGMENT.size:
            raise Malformed("fragment header is cut short", INVALID_PARAMETER)
        length, context, control = FRAGMENT.unpack(self._wire.exactly(FRAGMENT.size))
        if length < _OWN_HEADER or length + 4 > self._left:
            raise Malformed("fragment is longer than its PDU", INVALID_PARAMETER)
        if length == _OWN_HEADER and not control & LAST:
            raise Malformed("fragment is empty", INVALID_PARAMETER)
        self._left -= length + 4
        return context, control, length - 2

    def _next_p_data(self) -> int:
        """Length of the next P-DATA-TF; acts on any other PDU."""
        self._wire.allow(self._limits.idle)
        kind, length = HEADER.unpack(self._wire.exactly(HEADER.size))
        self._wire.allow(self._limits.pdu_wait)
        if kind == pdu.P_DATA:
            if length > self._limits.pdu:
                raise Malformed("PDU is too long", INVALID_PARAMETER)
            return int(length)
        if kind == pdu.ABORT:
            raise Gone("aborted by the peer")
        if kind == pdu.RELEASE_RQ and length <= _LONGEST_OTHER_PDU:
            self._wire.exactly(length)
            raise Released
        known = pdu.ASSOCIATE_RQ <= kind <= pdu.ABORT
        raise Malformed("PDU out of place", UNEXPECTED_PDU if known else UNRECOGNISED_PDU)
