"""The simulator that lies beside the project, and how the product's dispatcher is put into it."""

import os
import sys
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]


def find(argument: str = "") -> Path:
    """Find the simulator's folder: an argument, CONFRERE_SHARED, else beside the checkout."""
    shared = Path(argument or os.environ.get("CONFRERE_SHARED", PROJECT.parent / "shared"))
    folder = shared / "bench" / "routing"
    if not (folder / "sim.py").is_file():
        sys.exit(f"no simulator in {folder}: name the shared folder, or set CONFRERE_SHARED")
    return folder


def open_path(argument: str = "") -> Path:
    """Let the simulator and the product be imported; returns the simulator's folder."""
    folder = find(argument)
    sys.path[:0] = [str(Path(__file__).parent), str(PROJECT), str(folder)]
    return folder


def outside(dispatcher: Any) -> Any:
    """Make a dispatcher the simulator's policy."""
    import policies

    class Outside(policies.Base):  # type: ignore[misc]
        external = dispatcher

    return Outside()


def measure(
    parameters: dict[str, Any], who: str, policy: Any = None,
    span: tuple[float, ...] = (),
) -> dict[str, Any]:  # fmt: skip
    """Run one scenario: `who` is b, isolated, reference or ours. The simulator's measures.

    `span` narrows what is measured to these minutes; all is simulated.
    """
    import policies
    from scenario import generate, load
    from sim import metrics, run

    world = generate(load(parameters))
    if who in {"b", "isolated"}:
        result = run(world, policies.Priority(), pooled=who == "b")
    else:
        result = run(world, outside(_dispatcher(who, policy)), pooled=True)
    found: dict[str, Any] = metrics(result, *span)
    found["violations"] = sum(result.viol.values())
    found["latencies"] = result.lat
    return found


def _dispatcher(who: str, policy: Any) -> Any:
    if who == "reference":
        from reference import Reference

        return Reference()
    from adapter import Dispatcher

    made = Dispatcher()
    if policy is not None:
        made.policy = policy
    return made


def breaches(found: dict[str, Any]) -> str:
    """Show the share of late studies by level."""
    return " ".join(f"{found[name]['breach']:5.2f}" for name in ("STAT", "ED", "IP", "OP"))
