"""What commands tell of themselves, and what they send with every call."""

from __future__ import annotations

from importlib.metadata import version

import httpx2
import pytest

from brightfield_client.cli import main


def test_the_version_is_the_packages(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"brightfield {version('brightfield')}\n"


def test_headers_go_with_every_call(fake, capsys):
    fake.reply = lambda _: httpx2.Response(200, json={"models": []})
    asked = ["models", "list", "--header", "X-Lab=north", "--header", "Authorization=Basic eA=="]
    assert main(asked) == 0
    assert (fake.last.headers["x-lab"], fake.last.headers["authorization"]) == (
        "north",
        "Basic eA==",
    )
