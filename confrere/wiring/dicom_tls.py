"""DICOM by TLS, as door and as caller (PS3.15 B.12, BCP 195: RFC 8996, RFC 9325)."""

import hashlib
import hmac
import ssl

from confrere.kernel.errors import Invalid
from confrere.settings import Settings

# Forward secrecy and authenticated encryption only (RFC 9325 4.2); TLS 1.3 has no others.
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM"


def server_context(settings: Settings) -> ssl.SSLContext:
    """Make the context of the door; raises Invalid that names the setting.

    With `dicom_tls_clients` each caller must show a certificate that leads to one of that file.
    """
    context = _modern(ssl.PROTOCOL_TLS_SERVER)
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    _show_own(context, settings)
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


def client_context(settings: Settings, fingerprint: str) -> ssl.SSLContext:
    """Make the context for calling a machine; raises Invalid that names the setting.

    It must show the certificate of this SHA-256 fingerprint; without one, a certificate for
    its address that leads to one of `dicom_tls_servers`. It may ask for the door's own.
    """
    context = _modern(ssl.PROTOCOL_TLS_CLIENT)
    if settings.dicom_tls_certificate or settings.tls_certificate:
        _show_own(context, settings)
    if fingerprint:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.sslsocket_class = _bound_to(fingerprint)
        return context
    if not settings.dicom_tls_servers:
        raise Invalid(
            "nothing says which certificate this machine may show: register its fingerprint, or "
            "set CONFRERE_DICOM_TLS_SERVERS",
            "dicom_tls_servers",
        )
    try:
        context.load_verify_locations(settings.dicom_tls_servers)
    except (OSError, ValueError) as error:
        raise Invalid(
            f"the file of machines' certificates can't be used: {type(error).__name__}",
            "dicom_tls_servers",
        ) from None
    return context


def _modern(protocol: int) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION
    return context


def _show_own(context: ssl.SSLContext, settings: Settings) -> None:
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


def _bound_to(fingerprint: str) -> type[ssl.SSLSocket]:
    """A socket whose handshake fails unless the other shows just this certificate."""

    class Bound(ssl.SSLSocket):
        def do_handshake(self, block: bool = False) -> None:
            super().do_handshake(block)
            shown = hashlib.sha256(self.getpeercert(binary_form=True) or b"").hexdigest()
            if not hmac.compare_digest(shown, fingerprint):
                raise ssl.SSLCertVerificationError("another certificate than is registered")

    return Bound
