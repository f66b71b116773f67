"""Fuzz for as long as one likes: `make fuzz SECONDS=900`, or one target by its name.

    python -m tests.fuzz.run [--seconds 900] [--target head] [--seeds FOLDER] [--kept FOLDER]

With atheris installed (`.venv/bin/pip install atheris`; Linux) each target runs in a process of
its own, guided by coverage, its finds kept for the next run; without it, by our own damage
alone. An input that breaks a target is written to the kept folder, named, and the exit code is 1.
"""

import argparse
import hashlib
import importlib.util
import subprocess
import sys
import time
import traceback
from pathlib import Path
from random import Random

from tests.fuzz.mutate import mutated
from tests.fuzz.seeds import FILES, seeds
from tests.fuzz.targets import TARGETS

SLOW = 10  # seconds for one input, which is a finding too
MEMORY = 1024  # MB


def main() -> None:
    """Run each target for its share of the time."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    asked.add_argument("--seconds", type=int, default=900)
    asked.add_argument("--target", choices=sorted(TARGETS))
    asked.add_argument("--seeds", type=Path, default=FILES)
    asked.add_argument("--kept", type=Path, default=Path("build/fuzz"))
    asked.add_argument("--guided", action="store_true", help=argparse.SUPPRESS)
    chosen = asked.parse_args()
    if chosen.guided:
        guided(chosen.target, chosen.kept / chosen.target, chosen.seconds)
        return
    names = [chosen.target] if chosen.target else list(TARGETS)
    each = max(1, chosen.seconds // len(names))
    run = _by_atheris if importlib.util.find_spec("atheris") else _by_damage
    broken = [name for name in names if not run(name, chosen, each)]
    if broken:
        raise SystemExit(f"broken: {', '.join(broken)}")


def _by_atheris(name: str, chosen: argparse.Namespace, seconds: int) -> bool:
    folder = chosen.kept / name
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds(name, chosen.seeds):
        (folder / f"seed-{hashlib.sha256(seed).hexdigest()[:16]}").write_bytes(seed)
    print(f"{name}: {seconds} s by atheris", flush=True)
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.run", "--guided", "--target", name,
         "--seconds", str(seconds), "--kept", str(chosen.kept)],
        check=False,
    )  # fmt: skip
    return done.returncode == 0


def guided(name: str, folder: Path, seconds: int) -> None:
    """Hand this process to atheris; it does not return."""
    import atheris  # noqa: PLC0415 - it is not everywhere

    # the modules are loaded already: it can only instrument what it is shown
    atheris.instrument_all()
    arguments = [
        sys.argv[0], str(folder), f"-max_total_time={seconds}", f"-timeout={SLOW}",
        f"-rss_limit_mb={MEMORY}", f"-artifact_prefix={folder.parent}/{name}-", "-max_len=20000",
        "-print_final_stats=1", "-verbosity=0",
    ]  # fmt: skip
    atheris.Setup(arguments, TARGETS[name])
    atheris.Fuzz()


def _by_damage(name: str, chosen: argparse.Namespace, seconds: int) -> bool:
    known = seeds(name, chosen.seeds)
    end, tried = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        tried += 1
        data = mutated(Random(tried).choice(known), known, Random(tried))
        begun = time.monotonic()
        try:
            TARGETS[name](data)
            if time.monotonic() - begun > SLOW:
                raise TimeoutError  # noqa: TRY301 - kept like any other
        except Exception:  # noqa: BLE001 - whatever it is, it is a finding
            traceback.print_exc()
            chosen.kept.mkdir(parents=True, exist_ok=True)
            kept = chosen.kept / f"{name}-{hashlib.sha256(data).hexdigest()[:16]}"
            kept.write_bytes(data)
            print(f"{name}: input {tried} breaks it, kept as {kept}")
            return False
    print(f"{name}: {tried} inputs in {seconds} s by damage alone", flush=True)
    return True


if __name__ == "__main__":
    main()
