"""Running the documentation's curl commands, by curl itself or by sending the same request."""

from __future__ import annotations

import argparse
import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx2

Run = Callable[[Sequence[str]], str]
"""From a command's words to what it would print; fails on a status of 400 or more."""

_IDS = ("job_[0-9a-f]{32}", "run_[0-9a-f]{32}", "sha256:[0-9a-f]{64}")


def by_curl(words: Sequence[str]) -> str:
    command = ["curl", "--silent", "--show-error", "--fail-with-body", "--noproxy", "*", *words[1:]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


def by_httpx(words: Sequence[str]) -> str:
    args = _parser().parse_args(list(words[1:]))
    response = httpx2.request(
        args.request or ("PUT" if args.upload_file else "POST" if _has_body(args) else "GET"),
        f"http://{args.url.removeprefix('http://')}",
        content=_body(args),
        files=[_part(field) for field in args.form] or None,
        headers=dict(header.split(": ", 1) for header in args.header),
        timeout=60,
        trust_env=False,
    )
    assert response.status_code < 400, (words, response.text)
    if args.output:
        Path(args.output).write_bytes(response.content)
        return ""
    return response.text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("url")
    parser.add_argument("-F", "--form", action="append", default=[])
    parser.add_argument("-H", "--header", action="append", default=[])
    parser.add_argument("-N", "--no-buffer", action="store_true")
    parser.add_argument("-T", "--upload-file")
    parser.add_argument("-X", "--request")
    parser.add_argument("-d", "--data")
    parser.add_argument("--data-binary")
    parser.add_argument("-o", "--output")
    return parser


def _has_body(args: argparse.Namespace) -> bool:
    return bool(args.form or args.data or args.data_binary)


def _body(args: argparse.Namespace) -> bytes | None:
    if args.upload_file:
        return Path(args.upload_file).read_bytes()
    if args.data_binary:
        return Path(args.data_binary.removeprefix("@")).read_bytes()
    return args.data.encode() if args.data else None


def _part(field: str) -> tuple[str, tuple[str, bytes]]:
    name, _, path = field.partition("=@")
    return name, (path, Path(path).read_bytes())


class Conversation:
    """Commands one after the other: ids in a command become those that earlier replies named."""

    def __init__(self, run: Run, address: str) -> None:
        self._run = run
        self._address = address
        self._ids: dict[str, str] = {}

    def __call__(self, words: Sequence[str]) -> str:
        printed = self._run([self._adapted(word) for word in words])
        for pattern in _IDS:
            if found := re.search(f'"id":"({pattern})"', printed):
                self._ids[pattern] = found[1]
        return printed

    def _adapted(self, word: str) -> str:
        for pattern, current in self._ids.items():
            word = re.sub(pattern, current, word)
        return re.sub(r"(localhost|127\.0\.0\.1):8000", self._address, word)
