"""What an association may do: the answer to each proposed context and role. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from confrere.dimse import pdu
from confrere.dimse.command import C_GET_RQ, is_uid
from confrere.dimse.pdu import AnsweredContext, AssociateRequest, ProposedContext, Role
from confrere.dimse.service import Admission, Context, Service
from confrere.dimse.syntaxes import IMPLICIT_LE, is_storage_class

_USER = Role(scu=True, scp=False)


@dataclass(frozen=True, slots=True)
class Agreed:
    """The outcome of a negotiation; `accepted` by presentation context id."""

    answers: tuple[AnsweredContext, ...]
    accepted: dict[int, Context]
    roles: dict[str, Role]


def negotiate(
    request: AssociateRequest, admission: Admission, services: Sequence[Service]
) -> Agreed:
    """Answer every proposed context (PS3.8 9.3.3.2) and role (PS3.7 D.3.3.4).

    A requestor may be provider of a storage class when it may use C-GET, whose images come to
    it that way (PS3.4 C.5.3.1). Otherwise it gets 0 for that role, and where it will not be
    user either its contexts are rejected.
    """
    offered = [
        s for s in services if admission.services is None or s.name in admission.services
    ]
    gets = any(C_GET_RQ in s.fields for s in offered)
    roles = {
        uid: Role(scu=role.scu, scp=role.scp and gets and is_storage_class(uid))
        for uid, role in request.roles.items()
        if is_uid(uid) and any(s.accepts(uid) for s in offered)
    }
    answers, accepted = [], {}
    for proposed in request.contexts:
        result, syntax = _answer(proposed, roles, offered)
        answers.append(AnsweredContext(proposed.id, result, syntax))
        if result == pdu.ACCEPTANCE:
            role = roles.get(proposed.abstract_syntax, _USER)
            accepted[proposed.id] = Context(
                proposed.id, proposed.abstract_syntax, syntax, role.scp
            )
    return Agreed(tuple(answers), accepted, roles)


def _answer(
    proposed: ProposedContext, roles: dict[str, Role], offered: Sequence[Service]
) -> tuple[int, str]:
    """Return (result, transfer syntax); the syntax means nothing unless the result is acceptance."""
    uid = proposed.abstract_syntax
    service = next((s for s in offered if is_uid(uid) and s.accepts(uid)), None)
    if service is None:
        return pdu.ABSTRACT_SYNTAX_NOT_SUPPORTED, IMPLICIT_LE
    if uid in roles and not roles[uid].scu and not roles[uid].scp:
        return pdu.USER_REJECTION, IMPLICIT_LE
    syntax = service.choose(proposed.transfer_syntaxes)
    if syntax is None:
        return pdu.TRANSFER_SYNTAXES_NOT_SUPPORTED, IMPLICIT_LE
    return pdu.ACCEPTANCE, syntax
