"""Every DIMSE verb and HL7 message that the product handles declares a permission."""

from typing import Any, cast

from confrere.dimse.store import EchoService, StoreService
from confrere.wiring.device_permissions import (
    OF_DIMSE_SERVICE,
    OF_HL7_MESSAGE,
    dimse_services,
    may_send,
)
from confrere.wiring.dicom_door import further_services
from confrere.wiring.inbound_hl7 import ORDER_KINDS


class Nowhere:
    """A sink that nothing reaches."""

    def begin(self, request: object) -> None:
        raise AssertionError(request)


def test_each_dimse_service_declares_a_permission() -> None:
    provided = {EchoService().name, StoreService(Nowhere()).name}  # type: ignore[arg-type]
    nobody = cast("Any", None)  # not asked until a request comes
    provided |= {service.name for service in further_services(nobody, nobody)}
    assert provided == set(OF_DIMSE_SERVICE)
    assert dimse_services() == provided


def test_each_message_kind_that_is_handled_declares_a_permission() -> None:
    handled = {kind for kind, _ in ORDER_KINDS} | {"ADT", "ORU", "MDM"}
    assert handled == set(OF_HL7_MESSAGE)
    assert all(may_send(kind) for kind in handled)


def test_a_kind_without_a_declaration_is_refused() -> None:
    assert not may_send("BAR")
    assert not may_send("")
