"""How cmd and PowerShell read a line, and what a program then gets as its words.

A line is refused (`ValueError`) if the shell would take a part of it for something else than words
of one command: an operator, a variable, a splat, another program's name.

Sources: Microsoft, "Parsing C command-line arguments" (words of a line, also of what cmd passes);
"about_Parsing" and "about_Quoting_Rules" of PowerShell 5.1 and 7. Windows PowerShell 5.1 joins the
words without escaping the quotes in them and drops empty ones; PowerShell 7.3 and later escape.
"""

from __future__ import annotations

import re

_CMD_OPERATORS = "&|<>()"
_POWERSHELL_OPERATORS = ";|&<>(){},"
_ALIASES = {"curl", "wget", "rm", "cp", "mv", "ls", "cat", "set", "echo", "where", "sort", "diff"}


def cmd(line: str) -> list[str]:
    """The words that a program gets of a line of cmd."""
    if found := re.search(r"%\w+%", line):
        raise ValueError(f"{found[0]} is a variable in cmd")
    passed, quoted, escaped = "", False, False
    for letter in line:
        if letter == "^" and not quoted and not escaped:
            escaped = True
            continue
        if letter == '"' and not escaped:
            quoted = not quoted
        elif letter in _CMD_OPERATORS and not quoted and not escaped:
            raise ValueError(f"{letter} is an operator in cmd")
        passed += letter
        escaped = False
    return words(passed)


def powershell(line: str, *, escapes: bool) -> list[str]:
    """The words that a program gets of a line of PowerShell; `escapes` is what 7.3 and later do."""
    tokens = _tokens(line)
    if tokens[0] in _ALIASES:
        raise ValueError(f"{tokens[0]} is an alias in PowerShell; write {tokens[0]}.exe")
    if escapes:
        return tokens
    blank = re.compile(r"\s")
    joined = (f'"{each}"' if blank.search(each) else each for each in tokens)
    return words(" ".join(joined))


def words(line: str) -> list[str]:
    """The words that a program of Microsoft's C runtime makes of the line that it gets."""
    found: list[str] = []
    word, quoted, there, place = "", False, False, 0
    while place < len(line):
        run = re.compile(r"\\*").match(line, place)
        assert run is not None
        slashes, place = len(run[0]), run.end()
        letter = line[place : place + 1]
        if letter == '"':
            word += "\\" * (slashes // 2)
            there = True
            if slashes % 2:
                word += '"'
            elif quoted and line[place + 1 : place + 2] == '"':
                word, place = word + '"', place + 1
            else:
                quoted = not quoted
        else:
            word += "\\" * slashes
            if letter in (" ", "\t") and not quoted:
                found += [word] * (there or bool(word))
                word, there = "", False
            else:
                word += letter
        place += 1
    return [*found, word] if there or word else found


_TOKEN = re.compile(r"""'(?:[^']|'')*'|"(?:[^"`]|`.|"")*"|`.|[^\s'"`]""")


def _tokens(line: str) -> list[str]:
    """What PowerShell takes for the words of a command."""
    found: list[str] = []
    for part in re.finditer(rf"(?:{_TOKEN.pattern})+", line):
        word = ""
        for piece in _TOKEN.finditer(part[0]):
            text = piece[0]
            _refuse(text, first=not word and piece.start() == 0)
            word += _value(text)
        found.append(word)
    if re.sub(rf"(?:{_TOKEN.pattern})+|\s", "", line):
        raise ValueError("a quote is open")
    return found


def _refuse(text: str, *, first: bool) -> None:
    if text[0] == '"' and "$" in re.sub("`.", "", text):
        raise ValueError("$ in double quotes is a variable in PowerShell")
    if text in _POWERSHELL_OPERATORS or text == "$":
        raise ValueError(f"{text} is an operator in PowerShell")
    if first and text in ("@", "#"):
        raise ValueError(f"{text} at the start of a word is not a letter in PowerShell")


def _value(text: str) -> str:
    if text[0] == "'":
        return text[1:-1].replace("''", "'")
    if text[0] == '"':
        return re.sub("`(.)", r"\1", text[1:-1].replace('""', '"'))
    return text[1] if text[0] == "`" else text
