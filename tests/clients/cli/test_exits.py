"""Exit codes, and errors as one sentence."""

from __future__ import annotations

import httpx2
import pytest

from brightfield_client.cli import main


def refuse(request):
    raise httpx2.ConnectError("refused", request=request)


@pytest.mark.parametrize(
    "command",
    [
        ["classify", "a.png"],
        ["embed", "a.png", "--out", "v.npz"],
        ["models", "list"],
        ["doctor"],
    ],
)
def test_nobody_there_is_3(fake, command, capsys):
    fake.reply = refuse
    assert main(command) == 3
    out, err = capsys.readouterr()
    assert len((out + err).splitlines()) == 1
    assert "cannot be reached" in out + err


def test_an_unknown_model_is_wrong_usage(fake, capsys):
    problem = {"code": "unknown_model", "detail": "There is no model 'tny'. Did you mean tiny?"}
    fake.reply = lambda _: httpx2.Response(404, json=problem)
    assert main(["models", "show", "tny"]) == 2
    assert capsys.readouterr().err == (
        "brightfield: There is no model 'tny'. Did you mean tiny? (unknown_model)\n"
    )


def test_a_busy_service_is_no_wrong_usage(fake, capsys):
    body, headers = (
        {"detail": "Full.", "code": "full"},
        {"Content-Type": "application/problem+json"},
    )
    fake.reply = lambda _: httpx2.Response(503, json=body, headers=headers)
    assert main(["models", "load", "tiny"]) == 1
    assert "Full." in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["classfy"],
        ["classify"],
        ["classify", "a.png", "--csv", "--json"],
        ["classify", "a.png", "--set", "top_k"],
        ["doctor", "--local", "--url", "http://x"],
    ],
)
def test_wrong_usage_is_2(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main(command)
    assert stop.value.code == 2
    assert "usage: brightfield" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        (["explain", "missing.png"], "missing.png: No such file or directory."),
        (["models", "list", "--url", "lab:80"], "not a service's URL"),
        (["models", "list", "--timeout", "-1"], "timeout"),
    ],
)
def test_what_cannot_work_is_2_and_one_sentence(command, complaint, capsys):
    assert main(command) == 2
    err = capsys.readouterr().err
    assert complaint in err
    assert len(err.splitlines()) == 1


def test_a_missing_service_names_the_extra(monkeypatch, capsys):
    monkeypatch.setitem(__import__("sys").modules, "brightfield.settings", None)
    for command in (["serve"], ["doctor", "--local"], ["models", "check"]):
        assert main(command) == 2
        assert "pip install 'brightfield[service]'" in capsys.readouterr().err


COMMANDS = "serve models classify detect segment superresolve embed explain doctor"


@pytest.mark.parametrize("command", COMMANDS.split())
def test_help_lists_every_command(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert command in listed
