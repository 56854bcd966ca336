"""Every command of ours on a page is understood; keys and backups are made by the printed lines."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from brightfield import commands as of_service
from brightfield_client.cli import main
from brightfield_client.cli.parser import parser

from .pages import ROOT, blocks, commands, pages

SHELLS = ("bash", "sh", "shell")
KNOWN = {name for action in parser()._actions for name in action.choices or ()}


def printed(page: str) -> Iterator[list[str]]:
    """The words after `brightfield` of each command, also of one that runs in a container."""
    for language in SHELLS:
        for block in blocks(page, language):
            for words in commands(block.text.replace("\\\n", " ")):
                yield from _ours(words)


def _ours(words: Sequence[str]) -> Iterator[list[str]]:
    for place, word in enumerate(words[:-1]):
        if Path(word).name == "brightfield" and words[place + 1] in KNOWN:
            yield list(words[place + 1 :])


ALL = [
    pytest.param(words, id=" ".join(words))
    for page in pages()
    for words in printed(str(page.relative_to(ROOT)))
]


@pytest.mark.parametrize("words", ALL)
def test_its_words_and_flags_are_known(words: list[str]) -> None:
    for name, command in of_service.catalog().items():
        if tuple(words[: len(name)]) == name:
            reader = argparse.ArgumentParser(exit_on_error=False)
            command.add_flags(reader)
            reader.parse_args(words[len(name) :])
            return
    parser().parse_args(words)


def test_pages_have_many() -> None:
    assert len(ALL) > 30
    assert sum(param.values[0][:2] == ["keys", "add"] for param in ALL) >= 3


def test_keys_and_backups_are_made_as_it_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BRIGHTFIELD_DATA", str(tmp_path / "data"))
    for words in printed("docs/how-to/run-for-a-lab.md"):
        if words[0] == "keys":
            assert main(words) == 0, words
    assert capsys.readouterr().out.count("bf_") == 3
    backup, restore = list(printed("docs/how-to/keep-the-store.md"))[:2]
    assert (backup[0], restore[0]) == ("backup", "restore")
    assert main(backup) == 0 and (tmp_path / backup[1]).stat().st_size
    monkeypatch.setenv("BRIGHTFIELD_DATA", str(tmp_path / "other"))
    assert main(restore) == 0
    assert main(["keys", "list"]) == 0 and "course 2027" in capsys.readouterr().out
