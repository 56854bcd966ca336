"""What every folder of the house keeps: its members, the direction of its imports, its names."""

from __future__ import annotations

import ast
import importlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import training.recipes
from brightfield.commands.command import Command
from brightfield.embedding.projections.projection import Projection
from brightfield.explain.method import Method
from brightfield.metrics.evaluation import Evaluation
from brightfield.metrics.statistics.family import Family
from brightfield.models.architecture import Architecture
from brightfield.plugins import discover
from brightfield.reports.plots.plot import Plot
from brightfield.runtime.backends.inference_backend import InferenceBackend
from brightfield.tasks.task import Task
from training.recipe import Recipe

ROOT = Path(__file__).parents[1]
SOURCES = (ROOT / "service" / "brightfield", ROOT / "clients" / "brightfield_client")

# The one file of a catalog that is not a member, and what it says that members are.
CATALOGS: Mapping[str, tuple[str, type[Any]]] = {
    "tasks": ("task", Task),
    "explain": ("method", Method),
    "metrics": ("evaluation", Evaluation),
    "metrics/families": ("family", Family),
    "models": ("architecture", Architecture),
    "embedding/projections": ("projection", Projection),
    "reports/plots": ("plot", Plot),
    "commands": ("command", Command),
    "runtime/backends": ("inference_backend", InferenceBackend),
}
GENERATED = ("# Generated", '"""Generated')

# What is still to be mended. An entry that is no longer needed fails its test.
CIRCLES: set[str] = set()
DOUBLES: set[str] = set()
LONG: set[str] = set()


@cache
def modules() -> Mapping[str, Path]:
    """Every module of both packages, by its dotted name."""
    found = {}
    for source in SOURCES:
        for path in source.rglob("*.py"):
            parts = path.relative_to(source.parent).with_suffix("").parts
            found[".".join(parts).removesuffix(".__init__")] = path
    return found


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module", autouse=True)
def _trees_are_forgotten() -> Iterator[None]:
    """Those of all files take 140 MB."""
    yield
    tree.cache_clear()


def imported(name: str) -> Iterator[str]:
    """The modules of ours that a module imports, wherever in it."""
    for node in ast.walk(tree(modules()[name])):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules())
        elif isinstance(node, ast.ImportFrom) and node.module in modules():
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in modules() else str(node.module)


@cache
def graph() -> Mapping[str, frozenset[str]]:
    return {name: frozenset(imported(name)) - {name} for name in modules()}


def circles() -> set[frozenset[str]]:
    """Modules that import one another, over however many steps (Tarjan's components)."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found = set()

    def visit(name: str) -> None:
        order[name] = low[name] = len(order)
        stack.append(name)
        for other in graph()[name]:
            if other not in order:
                visit(other)
            if other in stack:
                low[name] = min(low[name], low[other])
        if low[name] == order[name]:
            own = {stack.pop()}
            while name not in own:
                own.add(stack.pop())
            if len(own) > 1:
                found.add(frozenset(own))

    for name in graph():
        if name not in order:
            visit(name)
    return found


def internal(folder: str) -> set[tuple[str, str]]:
    """Which of the files and rooms directly in a folder import which; a room counts as one."""
    prefix = f"brightfield.{folder}."

    def unit(name: str) -> str:
        return name.removeprefix(prefix).partition(".")[0]

    return {
        (unit(name), unit(other))
        for name, others in graph().items()
        for other in others
        if name.startswith(prefix) and other.startswith(prefix) and unit(name) != unit(other)
    }


def public_names(module: ast.Module) -> Iterator[str]:
    """The CamelCase names that a module defines at its top: classes and type aliases."""
    for node in module.body:
        if isinstance(node, ast.ClassDef):
            found = [node.name]
        elif isinstance(node, ast.Assign):
            found = [target.id for target in node.targets if isinstance(target, ast.Name)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found = [node.target.id]
        else:
            continue
        yield from (name for name in found if name[0].isupper() and not name.isupper())


def functions() -> Iterator[tuple[str, int]]:
    """The name of every function of both packages and its lines, those of docstrings left out."""
    for name, path in modules().items():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first = node.body[0]
                told = ast.get_docstring(node, clean=False) is not None
                text = (first.end_lineno or 0) - first.lineno + 1 if told else 0
                yield f"{name}.{node.name}", (node.end_lineno or 0) - node.lineno + 1 - text


def check_allowed(found: Iterable[str], allowed: Iterable[str]) -> None:
    """What is found is allowed, and what is allowed is found: such a list can only shrink."""
    found, allowed = set(found), set(allowed)
    assert not found - allowed, f"new: {sorted(found - allowed)}"
    assert not allowed - found, f"no longer needed here: {sorted(allowed - found)}"


@pytest.mark.parametrize("folder", CATALOGS)
def test_a_catalog_holds_its_members_and_one_contract_only(folder: str) -> None:
    place = ROOT / "service" / "brightfield" / folder
    package = importlib.import_module("brightfield." + folder.replace("/", "."))
    contract, base = CATALOGS[folder]
    members = discover(package, base)
    files = {path.stem for path in place.glob("*.py")} - {"__init__", contract}
    assert files == set(members) and len(members) >= 3


def test_the_recipes_are_one_file_each() -> None:
    members = discover(training.recipes, Recipe)
    files = {path.stem for path in (ROOT / "training" / "recipes").glob("*.py")} - {"__init__"}
    assert files == set(members) and len(members) >= 3


def test_no_modules_import_one_another_in_a_circle() -> None:
    check_allowed((" ".join(sorted(circle)) for circle in circles()), CIRCLES)


def test_the_rooms_of_metrics_know_few_others() -> None:
    assert 10 <= len(internal("metrics")) <= 79


def test_a_public_name_means_one_thing() -> None:
    places = defaultdict(set)
    for name, path in modules().items():
        if name.startswith("brightfield."):
            for public in public_names(tree(path)):
                places[public].add(name)
    check_allowed((name for name, where in places.items() if len(where) > 1), DOUBLES)


def test_functions_are_short() -> None:
    lines = dict(functions())
    check_allowed((name for name, count in lines.items() if count > 50), LONG)
    assert sum(count <= 25 for count in lines.values()) >= 0.9 * len(lines)


def test_files_are_short() -> None:
    lengths = {
        name: len(path.read_text(encoding="utf-8").splitlines())
        for name, path in modules().items()
        if not path.read_text(encoding="utf-8").startswith(GENERATED)
    }
    assert {name: length for name, length in lengths.items() if length > 400} == {}


def test_the_client_stays_thin() -> None:
    """What the service can decide, draw or write isn't written again in the client."""
    texts = (path.read_text(encoding="utf-8") for path in (ROOT / "clients").rglob("*.py"))
    by_hand = [len(text.splitlines()) for text in texts if not text.startswith(GENERATED)]
    assert len(by_hand) > 50 and sum(by_hand) <= 7000
