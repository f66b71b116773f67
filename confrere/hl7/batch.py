"""Cut a batch or file into its messages. Source: HL7 v2.5.1 section 2.10.3."""

import re

from confrere.hl7.parse import strip_frame
from confrere.kernel.errors import Invalid

MOST_MESSAGES = 100_000

_START = re.compile(rb"(?:^|(?<=[\r\n]))(?:MSH|FHS|BHS|FTS|BTS)(?=[^A-Za-z0-9]|$)")


def split_batch(raw: bytes) -> tuple[bytes, ...]:
    """Cut at FHS, BHS, BTS, FTS and MSH, and return the messages without their envelopes.

    One plain message gives itself. The counts in BTS and FTS are not checked.
    """
    body = strip_frame(raw)
    starts = [found.start() for found in _START.finditer(body)]
    if len(starts) > MOST_MESSAGES:
        raise Invalid("The batch holds more than 100,000 messages", field="BHS")
    ends = [*starts, len(body)][1:]
    return tuple(
        body[start:end]
        for start, end in zip(starts, ends, strict=True)
        if body.startswith(b"MSH", start)
    )
