"""The DICOM door by TLS (PS3.15 B.12, BCP 195: RFC 8996, RFC 9325)."""

import ssl

from confrere.kernel.errors import Invalid
from confrere.settings import Settings

# Forward secrecy and authenticated encryption only (RFC 9325 4.2); TLS 1.3 has no others.
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM"


def server_context(settings: Settings) -> ssl.SSLContext:
    """Make the context of the door; raises Invalid that names the setting.

    With `dicom_tls_clients` each caller must show a certificate that leads to one of that file.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE | ssl.OP_NO_RENEGOTIATION
    own = bool(settings.dicom_tls_certificate)
    certificate = settings.dicom_tls_certificate if own else settings.tls_certificate
    key = settings.dicom_tls_key if own else settings.tls_key
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise Invalid(
            f"the DICOM door's certificate and key can't be used: {type(error).__name__}",
            "dicom_tls_certificate",
        ) from None
    if settings.dicom_tls_clients:
        context.verify_mode = ssl.CERT_REQUIRED
        try:
            context.load_verify_locations(settings.dicom_tls_clients)
        except (OSError, ValueError) as error:
            raise Invalid(
                f"the file of clients' certificates can't be used: {type(error).__name__}",
                "dicom_tls_clients",
            ) from None
    return context
