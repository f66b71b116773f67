"""SMS and voice by one HTTPS call with JSON; `docs/notices.md` says what the other side does."""

import http.client
import json
import ssl
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from uuid import UUID

from confrere.kernel.errors import Refused, Unavailable
from confrere.notices.model import Channel

SECONDS = 10.0
MOST_READ = 65536
TAKEN = range(200, 300)
FOR_GOOD = range(400, 500)
LATER = frozenset({408, 425, 429})  # RFC 9110, 8470, 6585: try again


@dataclass(frozen=True, slots=True)
class Gateway:
    """Where SMS and calls are handed over. `trust` is for a certificate of one's own."""

    url: str
    token: str = field(repr=False)
    trust: ssl.SSLContext | None = None


def send(gateway: Gateway, channel: Channel, to: str, text: str, message: UUID) -> None:
    """Hand one text over, to be sent or read out.

    Raises Refused when the gateway will never take it, Unavailable when it may later. The
    message's id comes along as key of repetition, so that a lost answer rings nobody twice.
    """
    where = urlsplit(gateway.url)
    body = {"id": str(message), "channel": channel.value, "to": to, "text": text}
    headers = {
        "authorization": f"Bearer {gateway.token}", "content-type": "application/json",
        "idempotency-key": str(message), "accept": "application/json",
    }  # fmt: skip
    host, port = where.hostname or "", where.port
    line: http.client.HTTPConnection
    if where.scheme == "https":
        trust = gateway.trust or ssl.create_default_context()
        line = http.client.HTTPSConnection(host, port, timeout=SECONDS, context=trust)
    else:
        line = http.client.HTTPConnection(host, port, timeout=SECONDS)
    path = (where.path or "/") + (f"?{where.query}" if where.query else "")
    try:
        line.request("POST", path, json.dumps(body).encode(), headers)
        answer = line.getresponse()
        answer.read(MOST_READ)
    except (OSError, http.client.HTTPException) as error:
        raise Unavailable(f"the gateway does not answer: {type(error).__name__}") from None
    finally:
        line.close()
    if answer.status in TAKEN:
        return
    if answer.status in FOR_GOOD and answer.status not in LATER:
        raise Refused(f"the gateway refused the message: {answer.status}")
    raise Unavailable(f"the gateway put the message off: {answer.status}")
