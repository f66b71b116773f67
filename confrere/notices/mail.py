"""Mail by SMTP: one short plain message to one person."""

import smtplib
import ssl
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from uuid import UUID

from confrere.kernel.errors import Refused, Unavailable

STARTTLS, TLS, PLAIN = "starttls", "tls", "none"
SECONDS = 10.0
FOR_GOOD = range(500, 600)  # RFC 5321 section 4.2.1: do not repeat


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail goes out. `trust` is for a server with a certificate of one's own."""

    host: str
    port: int
    security: str
    sender: str
    user: str = ""
    password: str = field(default="", repr=False)
    trust: ssl.SSLContext | None = None

    @property
    def domain(self) -> str:
        """The domain that we are known by."""
        return self.sender.rpartition("@")[2] or "localhost"


def send(
    server: MailServer, to: str, subject: str, text: str, message: UUID, now: datetime
) -> None:
    """Send one message.

    Raises Refused when the server will never take it, Unavailable when it may later. Sent
    again after a lost answer it has the same Message-ID.
    """
    made = EmailMessage()
    made["From"], made["To"] = server.sender, to
    made["Subject"] = " ".join(subject.split())
    made["Date"] = format_datetime(now)
    made["Message-ID"] = f"<{message}@{server.domain}>"
    made["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence answers it
    made.set_content(text)
    try:
        with _open(server) as line:
            line.send_message(made)
    except smtplib.SMTPRecipientsRefused as error:
        raise _trouble(next(iter(error.recipients.values()))[0], "the address") from None
    except smtplib.SMTPResponseException as error:
        raise _trouble(error.smtp_code, "the message") from None
    except smtplib.SMTPNotSupportedError:
        raise Refused(
            "the mail server offers no STARTTLS or no sign-in: see CONFRERE_MAIL_SECURITY"
        ) from None
    except (OSError, smtplib.SMTPException) as error:
        raise Unavailable(f"the mail server does not answer: {type(error).__name__}") from None


def _open(server: MailServer) -> smtplib.SMTP:
    trust = server.trust or ssl.create_default_context()
    if server.security == TLS:
        line: smtplib.SMTP = smtplib.SMTP_SSL(
            server.host, server.port, server.domain, timeout=SECONDS, context=trust
        )
    else:
        line = smtplib.SMTP(server.host, server.port, server.domain, timeout=SECONDS)
    try:
        if server.security == STARTTLS:
            line.starttls(context=trust)
        if server.user:
            line.login(server.user, server.password)
    except BaseException:
        line.close()
        raise
    return line


def _trouble(code: int, what: str) -> Refused | Unavailable:
    if code in FOR_GOOD:
        return Refused(f"the mail server refused {what}: {code}")
    return Unavailable(f"the mail server put {what} off: {code}")
