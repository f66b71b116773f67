"""What the commands print."""


def say(text: str = "") -> None:
    """Print a line at once, so that progress shows."""
    print(text, flush=True)  # noqa: T201 - this is the command line
