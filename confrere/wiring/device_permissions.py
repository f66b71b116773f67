"""Which permission each DIMSE service and HL7 message kind needs. A kind without one is refused.

The doors look here before anything is provided; a test fails where a service or a message
that the product handles declares none.
"""

from confrere.identity.permissions import Permission, device_may

OF_DIMSE_SERVICE = {
    "echo": Permission.DICOM_ECHO,
    "store": Permission.DICOM_STORE,
    "find": Permission.DICOM_FIND,
    "move": Permission.DICOM_RETRIEVE,
    "get": Permission.DICOM_RETRIEVE,
    "worklist": Permission.DICOM_WORKLIST,
}
OF_HL7_MESSAGE = {
    "ORM": Permission.HL7_ORDER,
    "OMI": Permission.HL7_ORDER,
    "OMG": Permission.HL7_ORDER,
    "ORU": Permission.HL7_RESULT,
    "ADT": Permission.HL7_ADT,
    "MDM": Permission.HL7_DOCUMENT,
}


def dimse_services() -> frozenset[str]:
    """The DIMSE services that a registered DICOM peer may use."""
    allowed = (n for n, needed in OF_DIMSE_SERVICE.items() if device_may("dicom", needed))
    return frozenset(allowed)


def may_send(message_type: str) -> bool:
    """Say whether a registered HL7 sender may send this kind of message (MSH-9.1)."""
    needed = OF_HL7_MESSAGE.get(message_type)
    return needed is not None and device_may("hl7", needed)
