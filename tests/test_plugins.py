"""Catalogs: one member per file, found by importing the folder."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import brightfield.models
from brightfield.models.architecture import Architecture
from brightfield.plugins import discover

BASE = """
from abc import ABC, abstractmethod
class Base(ABC):
    @abstractmethod
    def f(self): ...
"""
GOOD = "from {0}.base import Base\nclass Good(Base):\n    def f(self): return 1\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    package = tmp_path / "sample_catalog"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "base.py").write_text(BASE)
    monkeypatch.syspath_prepend(tmp_path)
    yield package
    for name in [name for name in sys.modules if name.partition(".")[0] == package.name]:
        del sys.modules[name]


def catalog(folder: Path) -> dict[str, type]:
    importlib.invalidate_caches()
    package: ModuleType = importlib.import_module(folder.name)
    return discover(package, importlib.import_module(f"{folder.name}.base").Base)


def test_a_new_file_is_a_new_member(folder: Path) -> None:
    assert catalog(folder) == {}
    (folder / "good.py").write_text(GOOD.format(folder.name))
    assert [(name, member.__name__) for name, member in catalog(folder).items()] == [
        ("good", "Good")
    ]


def test_helpers_imports_and_abstract_classes_are_no_members(folder: Path) -> None:
    (folder / "good.py").write_text(GOOD.format(folder.name))
    (folder / "other.py").write_text(f"from {folder.name}.good import Good\nclass Helper: ...\n")
    (folder / "partial.py").write_text(
        f"from {folder.name}.base import Base\nclass Partial(Base): ...\n"
    )
    assert list(catalog(folder)) == ["good"]


def test_two_members_in_one_file_are_a_mistake(folder: Path) -> None:
    second = "class Second(Base):\n    def f(self): return 2\n"
    (folder / "good.py").write_text(GOOD.format(folder.name) + second)
    with pytest.raises(TypeError, match="Good, Second"):
        catalog(folder)


def test_the_architectures_are_found() -> None:
    assert "efficientnet_lite" in discover(brightfield.models, Architecture)
