"""What is printed for Windows says the same as what is printed for Linux."""

from __future__ import annotations

import re
import subprocess
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .pages import blocks, commands, pages
from .windows_shells import cmd, powershell, words

PAGE = "docs/how-to/use-on-windows.md"
BAT = [line for block in blocks(PAGE, "bat") for line in block.text.splitlines()]
POWERSHELL = [line for block in blocks(PAGE, "powershell") for line in block.text.splitlines()]
SHELLS = {
    "cmd": cmd,
    "PowerShell 5.1": partial(powershell, escapes=False),
    "PowerShell 7": partial(powershell, escapes=True),
}


def posix() -> list[list[str]]:
    """Every command that the pages print for a shell of Linux."""
    found = []
    for page in pages():
        name = str(page.relative_to(page.parents[len(page.parts) - len(_ROOT) - 1]))
        for language in ("bash", "sh"):
            for block in blocks(name, language):
                found += list(commands(block.text))
    return found


_ROOT = pages()[0].parent.parts


def of_linux(words: list[str]) -> list[str]:
    """A command of Windows with the names that Linux has."""
    program = words[0].replace("\\", "/").replace(".venv/Scripts/", ".venv/bin/")
    program = {"py": "python3", "curl.exe": "curl"}.get(program, program)
    return [program, *words[1:]]


@pytest.mark.parametrize("shell", SHELLS)
def test_each_command_for_windows_is_one_for_linux(shell: str) -> None:
    lines = BAT if shell == "cmd" else POWERSHELL
    known = [[each[0].removeprefix(".venv/bin/"), *each[1:]] for each in posix()]
    assert len(lines) >= 14
    for line in lines:
        program, *rest = of_linux(SHELLS[shell](line))
        assert [program.removeprefix(".venv/bin/"), *rest] in known, line


def test_every_page_for_windows_is_read_here() -> None:
    for page in pages():
        text = page.read_text(encoding="utf-8")
        if re.search(r"^```(bat|cmd|powershell|pwsh|ps1)$", text, re.MULTILINE):
            assert page.name in ("use-on-windows.md", "README.md"), page


@given(st.lists(st.text(st.sampled_from('ab "\\@&'), min_size=0, max_size=8), min_size=1))
def test_words_are_those_of_microsofts_runtime(argv: list[str]) -> None:
    assert words(subprocess.list2cmdline(argv)) == argv


@pytest.mark.parametrize(
    ("shell", "line"),
    [
        ("cmd", "curl localhost:8000/classify?a=1&b=2"),
        ("cmd", "curl 'localhost:8000/classify?a=1&b=2'"),
        ("cmd", "echo %PATH%"),
        ("PowerShell 5.1", "curl 'localhost:8000'"),
        ("PowerShell 7", "curl.exe --data-binary @cup.png localhost:8000"),
        ("PowerShell 7", "curl.exe localhost:8000/classify?a=1&b=2"),
        ("PowerShell 7", 'echo.exe "$home"'),
        ("PowerShell 7", "echo.exe 'open"),
    ],
)
def test_what_a_shell_would_take_for_something_else_is_refused(shell: str, line: str) -> None:
    with pytest.raises(ValueError, match=r"in cmd|PowerShell|open"):
        SHELLS[shell](line)


def test_what_each_shell_makes_of_quotes() -> None:
    assert cmd('a "b c" d^&e "f&g" "\\"h\\""') == ["a", "b c", "d&e", "f&g", '"h"']
    assert cmd("a 'b c'") == ["a", "'b", "c'"]
    line = "a.exe 'it''s' \"b `\"c`\"\" d@e `@f"
    assert powershell(line, escapes=True) == ["a.exe", "it's", 'b "c"', "d@e", "@f"]
    assert powershell("a.exe '{\"b\": 1}'", escapes=False) == ["a.exe", "{b: 1}"]
    assert powershell("a.exe '' b", escapes=False) == ["a.exe", "b"]
