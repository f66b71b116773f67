"""What is accepted, in which syntax and role."""
# ruff: noqa: ARG002, ARG005

import pytest
from pynetdicom.sop_class import _QR_CLASSES, _STORAGE_CLASSES

from confrere.dimse import pdu, syntaxes
from confrere.dimse.negotiation import negotiate
from confrere.dimse.pdu import AssociateRequest, ProposedContext, Role
from confrere.dimse.service import Admission, Outcome
from confrere.dimse.store import EchoService, Refusal, StoreRequest, StoreService
from confrere.dimse.syntaxes import DEFLATED, EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE, choose

CT = "1.2.840.10008.5.1.4.1.1.2"
J2K = "1.2.840.10008.1.2.4.90"


class Nowhere:
    """A sink that negotiation never reaches."""

    def begin(self, request: StoreRequest) -> "Nowhere":
        raise AssertionError(request.sop_class)

    def write(self, view: memoryview) -> None:
        raise AssertionError

    def finish(self) -> Outcome:
        raise AssertionError

    def abort(self) -> None:
        raise AssertionError


SERVICES = (EchoService(), StoreService(Nowhere()))


def answer(
    abstract: str,
    *transfers: str,
    roles: dict[str, Role] | None = None,
    admission: Admission | None = None,
) -> tuple[int, str, dict[str, Role]]:
    request = AssociateRequest(
        1,
        "CONFRERE",
        "CT1",
        b"",
        contexts=(ProposedContext(1, abstract, transfers),),
        roles=roles or {},
    )
    agreed = negotiate(request, admission or Admission(), SERVICES)
    (one,) = agreed.answers
    assert (1 in agreed.accepted) == (one.result == pdu.ACCEPTANCE)
    return one.result, one.transfer_syntax, agreed.roles


def test_every_storage_class_pynetdicom_knows_is_taken() -> None:
    known = {str(uid) for uid in _STORAGE_CLASSES.values()}
    assert len(known) > 150
    assert {uid for uid in known if not syntaxes.is_storage_class(uid)} == set()


def test_no_query_or_retrieve_class_is_taken_for_storage() -> None:
    classes = [str(uid) for uid in _QR_CLASSES.values()]
    classes += ["1.2.840.10008.5.1.4.1.1.200.4", "1.2.840.10008.5.1.4.1.1.201.5", "1.2.3"]
    assert [uid for uid in classes if syntaxes.is_storage_class(uid)] == []


def test_a_private_class_is_taken_when_configured() -> None:
    assert syntaxes.is_storage_class("1.3.12.2.1107.5.9.1", frozenset({"1.3.12.2.1107.5.9.1"}))


@pytest.mark.parametrize(
    ("proposed", "chosen"),
    [
        ((IMPLICIT_LE, EXPLICIT_LE), EXPLICIT_LE),
        ((EXPLICIT_LE, J2K), EXPLICIT_LE),
        ((IMPLICIT_LE, EXPLICIT_BE, J2K, EXPLICIT_LE), J2K),
        ((EXPLICIT_BE, IMPLICIT_LE), EXPLICIT_BE),
        ((DEFLATED, IMPLICIT_LE), IMPLICIT_LE),
        ((DEFLATED,), None),
        (("1.2.840.10008.1.2.4.94",), None),
        (("1.2.840.10008.1.2.7.1",), None),
        (("1.2.840.10008.1.2.4.201", EXPLICIT_LE), "1.2.840.10008.1.2.4.201"),
        ((), None),
    ],
)
def test_the_proposers_first_good_syntax_is_chosen(
    proposed: tuple[str, ...], chosen: str | None
) -> None:
    assert choose(proposed) == chosen


def test_deflated_is_chosen_only_where_it_is_offered() -> None:
    assert choose((DEFLATED, IMPLICIT_LE), deflated=True) == DEFLATED


def test_an_unknown_class_is_refused_as_abstract_syntax() -> None:
    assert answer("1.2.3", EXPLICIT_LE)[0] == pdu.ABSTRACT_SYNTAX_NOT_SUPPORTED
    assert answer("../../x", EXPLICIT_LE)[0] == pdu.ABSTRACT_SYNTAX_NOT_SUPPORTED


def test_unknown_transfer_syntaxes_are_refused_as_such() -> None:
    assert answer(CT, "1.2.3")[0] == pdu.TRANSFER_SYNTAXES_NOT_SUPPORTED


def test_a_requestor_may_be_user_but_not_provider() -> None:
    result, syntax, roles = answer(CT, J2K, roles={CT: Role(scu=True, scp=True)})
    assert (result, syntax, roles) == (pdu.ACCEPTANCE, J2K, {CT: Role(scu=True, scp=False)})
    assert answer(CT, J2K, roles={CT: Role(scu=False, scp=True)})[0] == pdu.USER_REJECTION


def test_an_admission_limits_the_services() -> None:
    echo_only = Admission(services=frozenset({"echo"}))
    assert answer(CT, J2K, admission=echo_only)[0] == pdu.ABSTRACT_SYNTAX_NOT_SUPPORTED
    assert answer(syntaxes.VERIFICATION, IMPLICIT_LE, admission=echo_only)[0] == pdu.ACCEPTANCE


def test_a_refusal_needs_no_sink() -> None:
    said: list[Outcome] = []
    Refusal(Outcome(0)).finish(lambda outcome, data_set=None: said.append(outcome))
    assert said == [Outcome(0)]
