"""`python -m confrere.assets [FOLDER]`: install the pages' third-party files."""

import sys
from pathlib import Path

from confrere.assets import AssetsError, default_folder, install


def main() -> None:
    """Install into the folder named, or the default one; a line per step."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else default_folder()
    try:
        install(folder, lambda line: print(line, flush=True))  # noqa: T201 - a command's output
    except AssetsError as error:
        sys.exit(f"confrere.assets: {error}")


if __name__ == "__main__":
    main()
