"""What a long operation may do with its association: look for C-CANCEL, store to the peer.

Used on the association's own thread between a request and its last answer.
"""

from collections.abc import Iterator
from typing import BinaryIO

from confrere.dimse import command, pdu
from confrere.dimse.command import C_CANCEL_RQ, C_STORE_RQ, N_EVENT_REPORT_RQ, RESPONSE
from confrere.dimse.limits import Limits
from confrere.dimse.messages import Inbound
from confrere.dimse.pdu import FRAGMENT, HEADER, INVALID_PARAMETER, LAST, P_DATA, Malformed
from confrere.dimse.service import Context, Report, SubStore
from confrere.dimse.wire import Wire

_PIECE = 128 * 1024


class Conversation:
    """One association's further messages while a request of it is being answered."""

    def __init__(
        self,
        wire: Wire,
        inbound: Inbound,
        limits: Limits,
        contexts: dict[int, Context],
        max_pdu: int,
    ) -> None:
        self._wire, self._inbound, self._limits = wire, inbound, limits
        self._contexts = contexts
        self._room = min(max_pdu or _PIECE, _PIECE) - FRAGMENT.size
        self._max_pdu = max_pdu
        self._cancelled: set[int] = set()
        self._number = 0

    @property
    def contexts(self) -> tuple[Context, ...]:
        """The contexts in which the peer takes C-STORE from us."""
        return tuple(c for c in self._contexts.values() if c.peer_provides)

    def cancelled(self, message: int) -> bool:
        """Say whether the peer has cancelled this request; never waits."""
        while message not in self._cancelled and self._inbound.pending():
            self._hear_cancel()
        return message in self._cancelled

    def store(self, wanted: SubStore, stream: BinaryIO) -> int:
        """Store one instance to the peer (PS3.4 C.4.3.3) and return the status it answers."""
        self._number = self._number % 0xFFFF + 1
        elements: dict[int, int | str] = {
            command.AFFECTED_CLASS: wanted.sop_class,
            command.COMMAND_FIELD: C_STORE_RQ,
            command.MESSAGE_ID: self._number,
            command.PRIORITY: 0,
            command.DATA_SET_TYPE: 1,
            command.AFFECTED_INSTANCE: wanted.sop_instance,
        }
        said = command.encode(elements)
        context = wanted.context.id
        self._send(pdu.p_data(context, said, command=True, max_pdu=self._max_pdu))
        for piece in self._pieces(context, stream):
            self._send(piece)
        return self._status_of(context, C_STORE_RQ)

    def pending(self) -> bool:
        """Say whether the peer has begun to say something else."""
        return self._inbound.pending()

    def report(self, said: Report) -> int:
        """Report an event to the peer (PS3.7 10.1.1) and return the status it answers."""
        self._number = self._number % 0xFFFF + 1
        elements: dict[int, int | str] = {
            command.AFFECTED_CLASS: said.context.abstract_syntax,
            command.COMMAND_FIELD: N_EVENT_REPORT_RQ,
            command.MESSAGE_ID: self._number,
            command.DATA_SET_TYPE: 1,
            command.AFFECTED_INSTANCE: said.sop_instance,
            command.EVENT_TYPE: said.event_type,
        }
        context, most = said.context.id, self._max_pdu
        out = pdu.p_data(context, command.encode(elements), command=True, max_pdu=most)
        self._send(out + pdu.p_data(context, said.data_set, command=False, max_pdu=most))
        return self._status_of(context, N_EVENT_REPORT_RQ)

    def _pieces(self, context: int, stream: BinaryIO) -> Iterator[bytes]:
        piece = stream.read(self._room)
        while True:
            after = stream.read(self._room) if piece else b""
            last = 0 if after else LAST
            yield (
                HEADER.pack(P_DATA, len(piece) + FRAGMENT.size)
                + FRAGMENT.pack(len(piece) + 2, context, last)
                + piece
            )
            if last:
                return
            piece = after

    def _status_of(self, context: int, asked: int) -> int:
        while True:
            at, answer = self._inbound.command()
            if answer.field == C_CANCEL_RQ:
                self._cancelled.add(answer.number(command.MESSAGE_ID_RESPONDED_TO))
                continue
            if (
                at != context
                or answer.field != asked | RESPONSE
                or answer.number(command.MESSAGE_ID_RESPONDED_TO) != self._number
            ):
                raise Malformed("expected the answer to our request", INVALID_PARAMETER)
            if answer.has_data_set:
                self._inbound.data_set(at, _let_go)
            return answer.number(command.STATUS)

    def _hear_cancel(self) -> None:
        _, heard = self._inbound.command()
        if heard.field != C_CANCEL_RQ:
            raise Malformed("a request came before the last was answered", INVALID_PARAMETER)
        self._cancelled.add(heard.number(command.MESSAGE_ID_RESPONDED_TO))

    def _send(self, data: bytes) -> None:
        self._wire.send(data, self._limits.send_wait)


def _let_go(_: memoryview) -> None:
    """A response has no data set; one that comes is read past."""
