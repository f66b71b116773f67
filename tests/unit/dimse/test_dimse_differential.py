"""Any association request, written and negotiated by pynetdicom and by us: the same answer."""

from hypothesis import given, settings
from hypothesis import strategies as st
from pynetdicom import build_role
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
    SCP_SCU_RoleSelectionNegotiation,
)
from pynetdicom.presentation import PresentationContext, negotiate_as_acceptor

from confrere.dimse import pdu, syntaxes
from confrere.dimse.negotiation import negotiate
from confrere.dimse.service import Admission
from tests.fuzz.services import SERVICES

CT = "1.2.840.10008.5.1.4.1.1.2"
PRINT = "1.2.840.10008.5.1.1.9"
CLASSES = (
    CT, "1.2.840.10008.5.1.4.1.1.4", PRINT, "1.2.3.4", syntaxes.VERIFICATION,
    syntaxes.MODALITY_WORKLIST, syntaxes.PERFORMED_STEP, syntaxes.STORAGE_COMMITMENT,
    *syntaxes.FIND_ROOTS, *syntaxes.MOVE_ROOTS, *syntaxes.GET_ROOTS,
)  # fmt: skip
TRANSFERS = (
    syntaxes.IMPLICIT_LE, syntaxes.EXPLICIT_LE, syntaxes.EXPLICIT_BE, syntaxes.DEFLATED,
    "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.94", "1.2.3",
)  # fmt: skip
NEITHER = {pdu.USER_REJECTION, pdu.TRANSFER_SYNTAXES_NOT_SUPPORTED}
STORES = {CT, "1.2.840.10008.5.1.4.1.1.4"}

contexts = st.lists(
    st.tuples(
        st.sampled_from(CLASSES), st.lists(st.sampled_from(TRANSFERS), min_size=1, unique=True)
    ),
    min_size=1, max_size=20,
)  # fmt: skip
roles = st.dictionaries(
    st.sampled_from(CLASSES),
    st.tuples(st.booleans(), st.booleans()).filter(
        any
    ),  # pynetdicom writes no role that is none
    max_size=4,
)
titles = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789", min_size=1, max_size=16)
Roles = dict[str, tuple[bool, bool]]
Contexts = list[tuple[str, list[str]]]


def proposed(wanted: Contexts) -> list[PresentationContext]:
    made = []
    for number, (uid, transfers) in enumerate(wanted):
        one = PresentationContext()
        one.context_id, one.abstract_syntax = 2 * number + 1, uid
        one.transfer_syntax = list(transfers)
        made.append(one)
    return made


def written(wanted: Contexts, chosen: Roles, calling: str, version: str, length: int) -> bytes:
    ask = A_ASSOCIATE()
    ask.application_context_name = pdu.APPLICATION_CONTEXT
    ask.calling_ae_title, ask.called_ae_title = calling, "CONFRERE"
    ask.presentation_context_definition_list = proposed(wanted)
    most = MaximumLengthNotification()
    most.maximum_length_received = length
    implementation = ImplementationClassUIDNotification()
    implementation.implementation_class_uid = "1.2.3"
    name = ImplementationVersionNameNotification()
    name.implementation_version_name = version
    ask.user_information = [
        most, implementation, name,
        *(build_role(uid, scu_role=scu, scp_role=scp) for uid, (scu, scp) in chosen.items()),
    ]  # fmt: skip
    out = A_ASSOCIATE_RQ()
    out.from_primitive(ask)
    return out.encode()


def foreign_answer(wanted: Contexts, chosen: Roles) -> dict[int, int]:
    """What pynetdicom answers when it is told to provide the same; result by context."""
    provided = []
    for uid in CLASSES:
        taken = [
            t for t in TRANSFERS
            if any(s.accepts(uid) and s.choose((t,)) == t for s in SERVICES)
        ]  # fmt: skip
        if taken:
            one = PresentationContext()
            one.abstract_syntax, one.transfer_syntax = uid, taken
            if uid in chosen:
                one.scu_role, one.scp_role = True, uid in STORES
            provided.append(one)
    made = {}
    for uid, (scu, scp) in chosen.items():
        role = SCP_SCU_RoleSelectionNegotiation()
        role.sop_class_uid, role.scu_role, role.scp_role = uid, scu, scp
        made[uid] = (scu, scp)
    answers, _ = negotiate_as_acceptor(proposed(wanted), provided, made)
    return {int(one.context_id or 0): int(one.result or 0) for one in answers}


@settings(deadline=None, max_examples=60)
@given(contexts, roles, titles, titles, st.sampled_from((0, 128, 16382, 2**32 - 1)))
def test_a_request_is_read_and_answered_as_pynetdicom_does(
    wanted: Contexts, chosen: Roles, calling: str, version: str, length: int
) -> None:
    raw = written(wanted, chosen, calling, version, length)
    parsed = pdu.parse_associate_request(raw[pdu.HEADER.size :], 128)
    assert [(c.abstract_syntax, list(c.transfer_syntaxes)) for c in parsed.contexts] == wanted
    assert {uid: (r.scu, r.scp) for uid, r in parsed.roles.items()} == chosen
    assert (parsed.calling_aet, parsed.implementation_version) == (calling, version)
    assert parsed.max_pdu == length
    agreed = negotiate(parsed, Admission(), SERVICES)
    ours = {one.id: one.result for one in agreed.answers}
    theirs = foreign_answer(wanted, chosen)
    # named reason: where neither role nor syntax suits we say the role, pynetdicom the syntax
    assert all(
        a == b or {a, b} == NEITHER for a, b in zip(ours.values(), theirs.values(), strict=True)
    )
    for one in agreed.answers:  # which syntax is ours to choose, but one of those proposed
        if one.result == pdu.ACCEPTANCE:
            assert one.transfer_syntax in wanted[one.id // 2][1]

    foreign = A_ASSOCIATE_AC()
    foreign.decode(pdu.associate_accept(parsed, agreed.answers, agreed.roles, 131072))
    read = {c.context_id: (c.result, c.transfer_syntax) for c in foreign.presentation_context}
    for one in agreed.answers:
        assert read[one.id][0] == one.result
        if one.result == pdu.ACCEPTANCE:
            assert read[one.id][1] == one.transfer_syntax
    information = foreign.user_information
    assert information is not None
    said = {
        str(uid): (role.scu_role, role.scp_role)
        for uid, role in (information.role_selection or {}).items()
    }
    assert said == {uid: (role.scu, role.scp) for uid, role in agreed.roles.items()}
