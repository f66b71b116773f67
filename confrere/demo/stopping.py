"""Stop gracefully when asked."""

import signal
import threading


def stop_on_signals() -> threading.Event:
    """Give an event that SIGTERM and SIGINT set; call it on the main thread."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
