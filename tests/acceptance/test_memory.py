"""Large and slow senders cost the door next to no memory; the full size is in bench/."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_large_objects_that_trickle_in_are_not_held_in_memory(tmp_path: Path) -> None:
    asked = [
        "--trickling",
        "24",
        "--sent",
        "4",
        "--whole",
        "2",
        "--megabytes",
        "48",
        "--cap",
        "60",
    ]
    done = subprocess.run(
        [sys.executable, "bench/imaging/memory.py", *asked, "--folder", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
