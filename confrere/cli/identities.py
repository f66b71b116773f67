"""`confrere identities`: train the weights of patient matching, list them, put them to use."""

import argparse
import importlib
from datetime import UTC, datetime
from types import ModuleType

from confrere.cli.connection import system_connection
from confrere.cli.output import say
from confrere.kernel.errors import NotFound, Unavailable
from confrere.patients import linking
from confrere.patients.weights import Weights
from confrere.settings import load

MOST_RECORDS = 200_000


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    made = commands.add_parser("identities", help="the weights of patient matching")
    below = made.add_subparsers(dest="act", required=True)
    train = below.add_parser("train", help="estimate weights from the own demographics")
    train.add_argument("--most", type=int, default=MOST_RECORDS, help="records to learn from")
    train.set_defaults(run=_train)
    listing = below.add_parser("list", help="list the versions of weights")
    listing.set_defaults(run=_list)
    use = below.add_parser("use", help="match with a version from now on")
    use.add_argument("version", type=int, help="which version")
    use.set_defaults(run=_use)


def _train(asked: argparse.Namespace) -> int:
    with system_connection(load()) as conn:
        said = linking.samples(conn, asked.most)
        made: Weights = _trainer().train(said)
        source = f"Splink on {len(said)} records"
        version = linking.keep_weights(conn, made, source, "command line", datetime.now(UTC))
    _table(made)
    say(f"kept as version {version}; look at it, then: confrere identities use {version}")
    return 0


def _trainer() -> ModuleType:
    try:
        return importlib.import_module("confrere.patients.training")
    except ModuleNotFoundError as error:
        raise Unavailable(
            f"training needs {error.name}: pip install 'confrere[training]'"
        ) from None


def _table(made: Weights) -> None:
    for field, levels in made.pairs.items():
        for level, (m, u) in levels.items():
            say(f"{field:15} {level:20} m {m:.4f}  u {u:.5f}")


def _list(_: argparse.Namespace) -> int:
    with system_connection(load()) as conn:
        kept, used = linking.all_weights(conn), linking.weights_now(conn).version
    say(f"{'*' if used == 0 else ' '} 0  shipped: the collaborative's published weights")
    for one in kept:
        mark = "*" if one.version == used else " "
        say(
            f"{mark} {one.version}  {one.source}, by {one.made_by}, {one.made_at:%Y-%m-%d %H:%M}"
        )
    return 0


def _use(asked: argparse.Namespace) -> int:
    with system_connection(load()) as conn:
        if not linking.use_weights(conn, asked.version, datetime.now(UTC)):
            raise NotFound(f"there is no version {asked.version}: see confrere identities list")
    say(f"version {asked.version} is used for every match from now on")
    return 0
