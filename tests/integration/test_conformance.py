"""What the conformance statement claims is what the door negotiates, class by class."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from pynetdicom import AE, build_context

from confrere.dimse import conformance, integration
from confrere.dimse.supported import PLAIN, PROVIDED
from confrere.dimse.syntaxes import STORED_SYNTAXES
from confrere.wiring.device_permissions import dimse_services
from tests.integration.device_house import Devices, device_house

DOCS = Path(__file__).resolve().parents[2] / "docs"
CT = "1.2.840.10008.5.1.4.1.1.2"
NEW = "1.2.840.10008.5.1.4.1.1.99999.1"  # a class that no list knows yet
MOST = 128


@pytest.fixture(scope="module")
def devices(
    postgres_socket: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Devices]:
    with device_house(postgres_socket, template, tmp_path_factory.mktemp("claims")) as made:
        made.switch(archive=True, commitment=True, performed=True, worklist=True)
        last = PROVIDED["commitment"].classes[0]
        end = time.monotonic() + 10
        while not accepted(made, [(last, PLAIN[0])]):
            assert time.monotonic() < end
        yield made


def accepted(devices: Devices, wanted: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """Which of these classes and syntaxes the door accepts."""
    found: set[tuple[str, str]] = set()
    for begin in range(0, len(wanted), MOST):
        ae = AE(ae_title="CT_ONE")
        ae.acse_timeout = ae.network_timeout = 10
        contexts = [
            build_context(uid, [syntax]) for uid, syntax in wanted[begin : begin + MOST]
        ]
        link = ae.associate(
            "127.0.0.1", devices.ports["dicom"], contexts=contexts, ae_title="CONFRERE"
        )
        if link.is_established:
            found |= {
                (str(c.abstract_syntax), str(c.transfer_syntax[0]))
                for c in link.accepted_contexts
            }
            link.release()
    return found


def test_the_documents_are_what_the_tables_say() -> None:
    for name, made in (("conformance", conformance), ("ihe", integration)):
        kept = (DOCS / f"{name}.md").read_text(encoding="utf-8")
        assert kept == made.statement(), f"print it again: confrere conformance > {name}.md"


def test_every_service_of_the_door_is_in_the_table_and_no_other() -> None:
    assert set(PROVIDED) == dimse_services()


@pytest.mark.parametrize("name", sorted(PROVIDED))
def test_each_claimed_class_is_negotiated(devices: Devices, name: str) -> None:
    wanted = [(uid, PLAIN[0]) for uid in PROVIDED[name].classes]
    assert wanted
    assert accepted(devices, wanted) == set(wanted)


def test_each_claimed_transfer_syntax_is_negotiated(devices: Devices) -> None:
    wanted = [(uid, syntax) for uid in (CT, NEW) for syntax in sorted(STORED_SYNTAXES)]
    assert accepted(devices, wanted) == set(wanted)
    for name in sorted(set(PROVIDED) - {"store", "echo"}):
        uid = PROVIDED[name].classes[0]
        wanted = [(uid, syntax) for syntax in sorted(STORED_SYNTAXES)]
        assert accepted(devices, wanted) == {(uid, syntax) for syntax in PLAIN}


def test_what_is_not_claimed_is_not_negotiated(devices: Devices) -> None:
    print_management, creation = "1.2.840.10008.5.1.1.9", "1.2.840.10008.5.1.4.1.1.200.4"
    assert accepted(devices, [(print_management, PLAIN[0]), (creation, PLAIN[0])]) == set()
