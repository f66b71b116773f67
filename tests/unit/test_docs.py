"""The pages tell what the program does: nothing undocumented, nothing invented, no broken link."""

import argparse
import ast
import importlib
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from confrere import cli
from confrere.dimse.limits import Limits as DicomLimits
from confrere.hl7.mllp import Limits as MllpLimits
from confrere.identity.model import Limits as SessionLimits
from confrere.migrations import metadata
from confrere.network.rules import BUILT_IN, CODES
from confrere.settings import ENVIRONMENT, Settings
from confrere.web.study_readers import RULES as SHOWN_RULES
from confrere.wiring.tasks import SUBSCRIBERS

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS.rglob("*.md")])
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
VARIABLE = re.compile(r'"(CONFRERE_(?:S3_)?[A-Z_]+|[A-Z_]*DATABASE_[A-Z_]*URL)"')
A_MACHINES_PATH = re.compile(r"(?<![\w.~$}/-])/(?:work|opt|root|home|mnt|Users)/")
HOSTS = {"keepachangelog.com"}  # beside loopback and the names that RFC 2606 keeps for examples


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def rows(text: str) -> list[list[str]]:
    """The cells of all table rows of a page, without their code marks."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [
        [cell.strip().strip("`").replace("\\|", "|") for cell in line.strip("|").split("|")]
        for line in lines
    ]


def section(text: str, heading: str) -> str:
    """The lines below a heading, up to the next one."""
    after = text.split(f"\n{heading}\n", 1)[1]
    return re.split(r"\n#", after, maxsplit=1)[0]


def first_cells(name: str) -> list[str]:
    """What a page's tables list in code marks, row by row."""
    lines = [line for line in page(name).splitlines() if line.startswith("| `")]
    return [CODE.findall(line)[0] for line in lines]


def parsers(
    parser: argparse.ArgumentParser, name: str
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, below in action.choices.items():
                yield f"{name} {word}", below
                yield from parsers(below, f"{name} {word}")


def options(parser: argparse.ArgumentParser) -> set[str]:
    found: set[str] = set()
    for action in parser._actions:
        if not isinstance(action, argparse._HelpAction | argparse._SubParsersAction):
            found |= set(action.option_strings or [action.dest])
    return found


def test_every_setting_is_listed_with_its_variable_and_its_default() -> None:
    told = [row[:3] for row in rows(page("settings.md")) if row[0] in ENVIRONMENT]
    made = [
        [one.name, ENVIRONMENT[one.name], str(one.default) or "(empty)"]
        for one in fields(Settings)
    ]
    assert told == made


def test_every_variable_that_the_program_reads_is_in_the_settings_page() -> None:
    read = {
        name
        for source in (ROOT / "confrere").rglob("*.py")
        for name in VARIABLE.findall(source.read_text(encoding="utf-8"))
    }
    read |= set(ENVIRONMENT.values())
    told = set(CODE.findall(page("settings.md")))
    assert read <= told
    assert {name for name in told if name.startswith("CONFRERE_")} <= read


def test_every_command_has_a_section_with_all_its_options_and_no_other() -> None:
    text = page("commands.md")
    commands = dict(parsers(cli.parser(), "confrere"))
    told = re.findall(r"^##+ `([^`]+)`$", text, re.MULTILINE)
    assert sorted(told) == sorted(commands)
    for name, parser in commands.items():
        level = "##" if name.count(" ") == 1 else "###"
        lines = section(text, f"{level} `{name}`").splitlines()
        named = {
            word for line in lines if line.startswith("- `") for word in CODE.findall(line)
        }
        asked = options(parser)
        assert asked <= named, name
        assert {word for word in named if word.startswith("--")} <= asked, name


def test_every_event_is_listed_with_its_publisher_and_its_jobs() -> None:
    told = {row[0]: (row[1], row[3]) for row in rows(page("events.md"))}
    made = {
        event.__name__: (event.__module__.split(".")[1], ", ".join(jobs))
        for event, jobs in SUBSCRIBERS.items()
    }
    assert {name: told.get(name) for name in made} == made
    assert set(first_cells("events.md")) == set(made)


def test_every_table_is_listed_once_with_the_part_that_owns_it() -> None:
    told = [(row[0], row[1]) for row in rows(page("tables.md")) if row[0] in metadata.tables]
    assert sorted(name for name, _ in told) == sorted(metadata.tables)
    assert set(first_cells("tables.md")) == set(metadata.tables)
    for name, part in told:
        assert name in importlib.import_module(f"confrere.{part}.tables").__dict__, name


def test_every_rule_is_listed() -> None:
    told = {row[0]: row[1] for row in rows(page("rules.md")) if row[0] in SHOWN_RULES}
    assert told == {one.code: one.kind for one in BUILT_IN}
    assert first_cells("rules.md") == list(CODES)


@pytest.mark.parametrize(
    ("heading", "limits"),
    [
        ("## DICOM door", DicomLimits()),
        ("## HL7 door", MllpLimits()),
        ("## Sessions", SessionLimits()),
    ],
)
def test_every_limit_of_a_door_is_listed_with_its_value(heading: str, limits: Any) -> None:
    told = [tuple(row[:2]) for row in rows(section(page("limits.md"), heading))[1:]]
    assert told == [(one.name, str(getattr(limits, one.name))) for one in fields(limits)]


def test_every_further_bound_has_the_value_that_is_told() -> None:
    told = rows(section(page("limits.md"), "## Further bounds"))[1:]
    assert told
    for name, value, *_ in told:
        module, _, constant = name.rpartition(".")
        assert str(getattr(importlib.import_module(module), constant)) == value, name


@pytest.mark.parametrize("file", PAGES, ids=lambda one: str(one.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(file: Path) -> None:
    for target in LINK.findall(file.read_text(encoding="utf-8")):
        if urlsplit(target).scheme:
            continue
        path, _, anchor = target.partition("#")
        led = (file.parent / path).resolve() if path else file
        assert led.is_file(), target
        if anchor:
            assert anchor in _anchors(led), target


def _anchors(file: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}


def test_every_page_is_reached_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        file = waiting.pop()
        reached.add(file)
        for target in LINK.findall(file.read_text(encoding="utf-8")):
            led = (file.parent / target.partition("#")[0]).resolve()
            if led.suffix == ".md" and led.is_file() and led not in reached:
                waiting.append(led)
    assert set(PAGES) <= reached


@pytest.mark.parametrize("file", PAGES, ids=lambda one: str(one.relative_to(ROOT)))
def test_no_page_names_a_machines_path_or_a_foreign_host(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert not A_MACHINES_PATH.search(text)
    named = {
        str(urlsplit(one).hostname)
        for one in re.findall(r"\b[a-z]+://[^\s)`'\"]+", text)
        if not one.startswith("file:")
    }
    foreign = {one for one in named if not one.endswith(".example")} - {"127.0.0.1"}
    assert foreign <= HOSTS


@pytest.mark.parametrize("file", PAGES, ids=lambda one: str(one.relative_to(ROOT)))
def test_python_on_a_page_parses_and_imports_what_is_there(file: Path) -> None:
    for block in PYTHON.findall(file.read_text(encoding="utf-8")):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and node.module:
                module = importlib.import_module(node.module)
                for name in node.names:
                    assert hasattr(module, name.name), f"{node.module}.{name.name}"


def test_each_proof_that_is_named_is_there() -> None:
    named = [
        path
        for path in CODE.findall(page("proofs.md"))
        if path.startswith(("tests/", "bench/"))
    ]
    assert len(named) > 25
    assert [path for path in named if not (ROOT / path).exists()] == []
