"""The tables of errors and warnings are complete, and say what the code says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from brightfield import errors, outages, refusals
from brightfield.errors import BrightfieldError
from brightfield.settings import Settings
from brightfield.store import faults

from .pages import ROOT

FOLDER = ROOT / "docs" / "conventions"
PAGE = (FOLDER / "errors.md").read_text(encoding="utf-8")
SERVICE = ROOT / "service" / "brightfield"


def rows(heading: str) -> dict[str, list[str]]:
    """The rows of a section's last table: the other cells by the code in the first."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    table = section[section.index("| code |") :].splitlines()[2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table if line]
    codes = [row[0].strip("`") for row in cells]
    assert len(codes) == len(set(codes))
    return dict(zip(codes, (row[1:] for row in cells), strict=True))


def calls() -> Iterator[ast.Call]:
    for file in sorted(SERVICE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                yield node


def tree(base: type[BrightfieldError]) -> Iterator[type[BrightfieldError]]:
    yield base
    for kind in base.__subclasses__():
        yield from tree(kind)


def test_the_table_has_every_error_of_the_tree() -> None:
    raised = {call.func.id for call in calls() if isinstance(call.func, ast.Name)}
    raised |= {kind.__name__ for kind in faults._WHAT_TO_DO}  # which are looked up, not called
    homes = (errors.__name__, outages.__name__, refusals.__name__)
    own = [kind for kind in tree(BrightfieldError) if kind.__module__ in homes]
    met = [kind for kind in own if not kind.__subclasses__() or kind.__name__ in raised]
    known = {kind.code: kind for kind in met}
    table = rows("Errors")
    assert sorted(table) == sorted(known)
    for code, (status, retryable, advice) in table.items():
        assert int(status) == known[code].status, code
        assert (retryable == "yes") == known[code].retryable, code
        assert advice.endswith("."), code
    assert [int(row[0]) for row in table.values()] == sorted(int(row[0]) for row in table.values())


def test_the_table_has_every_warning() -> None:
    notes = [call for call in calls() if isinstance(call.func, ast.Name) and call.func.id == "Note"]
    first = [call.args[0] for call in notes]
    codes = {argument.value for argument in first if isinstance(argument, ast.Constant)}
    assert len(codes) > 5
    assert sorted(rows("Warnings")) == sorted(codes)


def test_settings_that_are_named_exist() -> None:
    pattern = r"`(max_\w+|\w+_ttl|allowed_\w+|memory_budget|trust_model_code|database_url|timeout)`"
    text = "".join(file.read_text(encoding="utf-8") for file in sorted(FOLDER.glob("*.md")))
    named = set(re.findall(pattern, text))
    assert len(named) > 8
    assert named <= set(Settings.model_fields)
