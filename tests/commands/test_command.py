"""A file in the folder of commands is a command of `brightfield`."""

from __future__ import annotations

import subprocess
import sys

import pytest

import brightfield.commands
from brightfield_client.cli import main

TOY = """
from brightfield.commands.command import Command
from brightfield.outages import Unavailable

class Toy(Command):
    help = "do as told"

    def add_flags(self, parser):
        parser.add_argument("--fault", default="")

    def run(self, args):
        if args.fault == "usage":
            raise ValueError("That cannot be.")
        if args.fault:
            raise Unavailable("The disk is gone.")
        print("done")
        return 0
"""


@pytest.fixture
def toys(tmp_path, monkeypatch):
    """Two files that somebody has added: one command, and one below the client's `models`."""
    for name in ("toy", "models_toy"):
        (tmp_path / f"{name}.py").write_text(TOY)
        monkeypatch.delitem(sys.modules, f"brightfield.commands.{name}", raising=False)
    monkeypatch.setattr(
        brightfield.commands, "__path__", [*brightfield.commands.__path__, str(tmp_path)]
    )


@pytest.mark.parametrize("words", [["toy"], ["models", "toy"]])
def test_a_new_file_is_listed_runs_and_fails_with_one_sentence(toys, words, capsys):
    with pytest.raises(SystemExit):
        main([*words[:-1], "--help"])
    assert "toy" in capsys.readouterr().out.split()
    assert main(words) == 0
    assert capsys.readouterr().out == "done\n"
    assert main([*words, "--fault", "usage"]) == 2
    assert capsys.readouterr().err == "brightfield: That cannot be.\n"
    assert main([*words, "--fault", "disk"]) == 1
    assert capsys.readouterr().err == "brightfield: The disk is gone.\n"
    with pytest.raises(SystemExit) as stop:
        main([*words, "--no-such-flag"])
    assert stop.value.code == 2
    assert f"usage: brightfield {' '.join(words)}" in capsys.readouterr().err


def test_the_list_needs_no_package_of_the_service():
    code = (
        "import sys; from brightfield_client.cli.parser import parser; parser(); "
        "print(sorted({'pydantic', 'torch', 'scipy'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"
