from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from brightfield.cards import ModelCard, read_card
from brightfield.errors import InvalidCard
from brightfield.models.loading.makeup import check_unchanged, model_digest, package_code

CARD = """
id = "m"
version = "1"
task = "classify"
licence = "MIT"
labels = [{name = "a"}, {name = "b"}]
[architecture]
name = "python:net.py:Net"
width = 8
[input]
mean = [0.5]
std = [0.25]
[output]
threshold = 0.5
[explain]
penultimate = "pool"
[weights]
file = "w.pt"
sha256 = "%s"
""" % ("a" * 64)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "card.toml").write_text(CARD)
    (tmp_path / "net.py").write_text("from blocks import Block")
    (tmp_path / "blocks.py").write_text("Block = 1")
    return tmp_path


def card(folder: Path, text: str = CARD) -> ModelCard:
    (folder / "card.toml").write_text(text)
    return read_card(folder)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("mean = [0.5]", "mean = [0.4]"),
        ("std = [0.25]", "std = [0.25]\nsize = [32, 32]"),
        ("width = 8", "width = 9"),
        ("net.py:Net", "net.py:Other"),
        ('"pool"', '"conv"'),
        ("a" * 64, "b" * 64),
    ],
)
def test_a_change_of_what_makes_the_numbers_is_another_digest(
    folder: Path, old: str, new: str
) -> None:
    assert model_digest(card(folder)) != model_digest(card(folder, CARD.replace(old, new)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('version = "1"', 'version = "2"\ndescription = "x"'),
        ('{name = "b"}', '{name = "c", color = [1, 2, 3]}'),
        ("threshold = 0.5", "threshold = 0.4"),
        ("mean = [0.5]", "mean = [0.50]\nchannels = 3"),
    ],
)
def test_a_change_of_what_only_describes_is_the_same(folder: Path, old: str, new: str) -> None:
    assert model_digest(card(folder)) == model_digest(card(folder, CARD.replace(old, new)))


def test_any_python_file_of_the_model_counts(folder: Path) -> None:
    before = model_digest(card(folder))
    check_unchanged(card(folder), before)
    (folder / "notes.txt").write_text("no code")
    assert model_digest(card(folder)) == before
    (folder / "blocks.py").write_text("Block = 2")
    with pytest.raises(InvalidCard, match="edited while the model was loaded"):
        check_unchanged(card(folder), before)


def test_the_code_of_an_installed_package_counts_as_it_was_imported(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = tmp_path / "site" / "lab_of_ours"
    lab.mkdir(parents=True)
    (lab / "__init__.py").touch()
    (lab / "nets.py").write_text("x = 1")
    monkeypatch.setattr(sys, "path", [str(lab.parent), *sys.path])
    package_code.cache_clear()
    installed: Any = card(folder, CARD.replace("net.py:Net", "lab_of_ours.nets:Net"))
    before = model_digest(installed)
    (lab / "nets.py").write_text("x = 2")
    assert model_digest(installed) == before, "Python doesn't import it again either"
    package_code.cache_clear()  # as after a restart
    assert model_digest(installed) != before
