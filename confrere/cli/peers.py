"""`confrere peers`: the registered DICOM machines, and how they are reached and known."""

import argparse
import sys
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from confrere.audit import service as audit
from confrere.audit.keys import load_or_create
from confrere.audit.model import Agent, Event
from confrere.cli.connection import system_connection
from confrere.cli.output import say
from confrere.kernel.errors import Conflict, Invalid
from confrere.network import service as network
from confrere.network.systems import TAKES, Peer, differences
from confrere.settings import load
from confrere.web.peer_form import fingerprint
from confrere.wiring.house import audit_key_path, clock

YES_NO = {"yes": True, "no": False}


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    made = commands.add_parser("peers", help="list and change the registered DICOM machines")
    below = made.add_subparsers(dest="act", required=True, metavar="ACT")
    listing = below.add_parser("list", help="list them")
    listing.set_defaults(run=_list)
    change = below.add_parser("change", help="change one; shows what changes, then asks")
    change.add_argument("name", help="its name or AE title")
    change.add_argument("--port", type=int, help="the port that it listens on")
    change.add_argument("--tls", choices=YES_NO, help="whether it is called by TLS")
    change.add_argument("--tls-fingerprint", help="SHA-256 of the certificate it then shows")
    change.add_argument("--certificate", help="SHA-256 of the one it shows when it calls us")
    change.add_argument("--availability", choices=YES_NO, help="told what can be retrieved")
    change.add_argument("--corrections", choices=TAKES, help="what it takes of corrections")
    change.add_argument("--keeps-all", choices=YES_NO, help="it is its site's archive")
    change.add_argument("--yes", action="store_true", help="do not ask")
    change.set_defaults(run=_change)


def _list(_: argparse.Namespace) -> int:
    with system_connection(load()) as conn:
        found = network.peers(conn, "dicom")
        sites = {one.id: one.code for one in network.sites(conn)}
    for one in found:
        marks = [
            sites.get(one.site, "by rules") if one.site else "by rules",
            f"{one.address or 'this machine'}:{one.port or 'calls only'}",
            "called by TLS" if one.tls else "",
            "own certificate" if one.certificate else "",
            "told of availability" if one.availability else "",
            "its site's archive" if one.keeps_all else "",
            f"takes {TAKES[one.corrections]}",
            "" if one.enabled else "disabled",
        ]
        say(f"{one.aet:16}  {one.name}: {', '.join(filter(None, marks))}")
    if not found:
        say("No DICOM machine is registered: see the page Network, Systems.")
    return 0


def _change(asked: argparse.Namespace) -> int:
    settings = load()
    with system_connection(settings) as conn:
        before = _named(conn, asked.name)
        after = replace(before, **_asked(asked))
        changes = differences(before, after, {})
        if not changes:
            say(f"{before.name}: nothing changes.")
            return 0
        for field, old, new in changes:
            say(f"  {field}: {old} -> {new}")
        if not asked.yes and not _agreed(before):
            say("Nothing was changed.")
            return 1
        network.change_peer(conn, after)
        fields = ", ".join(field for field, _, _ in changes)
        key = load_or_create(audit_key_path(settings.home))
        audit.note(conn, key, Event(
            after.owner_group, clock(), "U", "peer", "command line",
            Agent(None, "the command line", None), object_id=after.id,
            detail={"act": "changed", "fields": fields},
        ))  # fmt: skip
    say(f"{after.name} is changed; the doors know within two seconds.")
    return 0


def _named(conn: Connection, name: str) -> Peer:
    known = network.peers(conn, "dicom")
    found = [one for one in known if name in (one.name, one.aet.strip())]
    if len(found) == 1:
        return found[0]
    if found:
        raise Conflict(f"several machines are called {name}: use the page Network, Systems")
    names = ", ".join(sorted(one.aet for one in known)) or "none"
    raise Invalid(f"no machine is called {name}; there are: {names}", "name")


def _asked(asked: argparse.Namespace) -> dict[str, Any]:
    given = {
        "port": asked.port,
        "tls": YES_NO.get(asked.tls),
        "availability": YES_NO.get(asked.availability),
        "keeps_all": YES_NO.get(asked.keeps_all),
        "corrections": asked.corrections,
    }
    for name in ("tls_fingerprint", "certificate"):
        text = getattr(asked, name)
        given[name] = None if text is None else fingerprint(text, name)
    return {name: value for name, value in given.items() if value is not None}


def _agreed(one: Peer) -> bool:
    if not sys.stdin.isatty():
        raise Invalid("say --yes to change it without being asked", "yes")
    return input(f"Change {one.name}? [y/N] ").strip().lower() in ("y", "yes")
