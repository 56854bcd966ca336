"""brightfield keys: made, listed and revoked in the store, without a service that runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from brightfield.access.secret import KeyText
from brightfield_client.cli import main


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRIGHTFIELD_DATA", str(tmp_path))
    monkeypatch.delenv("BRIGHTFIELD_DATABASE_URL", raising=False)


def test_a_key_is_shown_once_alone_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--scopes", "read,write", "--project", "optics", "--rate", "5", "--bytes", "2GiB"]
    assert main(["keys", "add", "microscope 2", "--expires", "90d", *flags]) == 0
    told = capsys.readouterr()
    key = KeyText.read(told.out.removesuffix("\n"))
    assert key is not None and key.id in told.err and key.secret not in told.err

    assert main(["keys", "list", "--json"]) == 0
    (listed,) = json.loads(capsys.readouterr().out)
    assert (listed["id"], listed["project"], listed["scopes"]) == (
        key.id, "optics", ["read", "write"],
    )  # fmt: skip
    assert listed["limits"] == {"rate": 5.0, "stored_bytes": 2 * 2**30}
    assert main(["keys", "list"]) == 0
    table = capsys.readouterr().out
    assert key.id in table and "microscope 2" in table and key.secret not in table


def test_a_key_is_revoked_by_its_name_or_id(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "add", "one"]) == main(["keys", "add", "two"]) == 0
    key = KeyText.read(capsys.readouterr().out.splitlines()[1])
    assert key is not None
    assert main(["keys", "revoke", "one"]) == main(["keys", "revoke", key.id]) == 0
    main(["keys", "list", "--json"])
    out = capsys.readouterr().out
    assert [each["state"] for each in json.loads(out[out.index("[") :])] == ["revoked", "revoked"]


@pytest.mark.parametrize(
    ("arguments", "code", "phrase"),
    [
        (["add", "lab", "--scopes", "rite"], 2, "rite is not a scope"),
        (["add", "lab", "--bytes", "much"], 2, "not an amount of bytes"),
        (["revoke", "nobody"], 1, "There is no key 'nobody'"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, phrase: str
) -> None:
    assert main(["keys", *arguments]) == code
    told = capsys.readouterr()
    assert told.out == "" and len(told.err.splitlines()) == 1 and phrase in told.err


def test_the_actions_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["keys", "--help"])
    assert {"add", "list", "revoke"} <= set(capsys.readouterr().out.split())
