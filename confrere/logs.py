"""Logging of every process: one line an event, to standard error, no patient data."""

import logging
import os


class OneLine(logging.Formatter):
    """Keeps an event on one line, so that no value can forge another."""

    def format(self, record: logging.LogRecord) -> str:
        """Escape line ends in the message; tracebacks follow indented."""
        text = super().format(record)
        head, *rest = text.split("\n")
        return (
            "\n    ".join([head.replace("\r", "\\r"), *rest])
            if record.exc_info
            else (text.replace("\r", "\\r").replace("\n", "\\n"))
        )


def set_up() -> None:
    """Log to standard error at CONFRERE_LOG_LEVEL (default INFO)."""
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    level = os.environ.get("CONFRERE_LOG_LEVEL", "INFO").upper()
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # these log what they are given, job arguments and SQL included
    for noisy in (
        "procrastinate",
        "sqlalchemy",
        "pydicom",
        "pynetdicom",
        "alembic",
        "_granian",
    ):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def report(log: logging.Logger, what: str, error: BaseException) -> None:
    """Log an error that nobody foresaw: its kind and traceback, not its own words.

    A database's or parser's message may quote the row or message that it stumbled over.
    """
    bare = RuntimeError(type(error).__name__).with_traceback(error.__traceback__)
    log.error("%s: %s", what, type(error).__name__, exc_info=bare)
