from __future__ import annotations

import pytest

from brightfield import __main__ as module
from brightfield.outages import Unavailable
from brightfield.serving import start as service
from brightfield.serving import worker_process
from brightfield.settings import Settings
from brightfield_client.cli import main


class _NoWorker:
    over = True


@pytest.fixture
def started(monkeypatch):
    """The settings that `serve` was called with; no worker begins meanwhile."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"BRIGHTFIELD_{name.upper()}", raising=False)
    calls: list[Settings] = []
    monkeypatch.setattr(service, "serve", lambda settings, _: calls.append(settings) or 0)
    monkeypatch.setattr(worker_process, "WorkerProcess", _NoWorker)
    return calls


def test_flags_are_the_settings(started, monkeypatch):
    monkeypatch.setenv("BRIGHTFIELD_MAX_PIXELS", "5")
    monkeypatch.setenv("BRIGHTFIELD_PORT", "1")
    code = main(["serve", "--port", "8123", "--memory-budget", "2GiB", "--no-preload"])
    assert code == 0
    (settings,) = started
    assert (settings.port, settings.memory_budget, settings.preload) == (8123, 2 * 2**30, False)
    assert settings.max_pixels == 5
    assert settings.trust_model_code is False


def test_every_setting_has_a_flag(started, capsys):
    with pytest.raises(SystemExit):
        main(["serve", "--help"])
    text = capsys.readouterr().out
    assert all(f"--{name.replace('_', '-')}" in text for name in Settings.model_fields)


@pytest.mark.parametrize(
    ("flags", "variable", "named"),
    [
        (["--port", "70000"], None, "--port"),
        (["--max-bytes", "much"], None, "--max-bytes"),
        ([], ("BRIGHTFIELD_LOG_LEVEL", "loud"), "BRIGHTFIELD_LOG_LEVEL"),
    ],
)
def test_a_wrong_value_stops_with_a_sentence(started, monkeypatch, capsys, flags, variable, named):
    if variable:
        monkeypatch.setenv(*variable)
    assert main(["serve", *flags]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"brightfield: {named}: ")
    assert len(err.splitlines()) == 1
    assert started == []


def test_a_service_that_cannot_start(started, monkeypatch, capsys):
    def fail(settings, _):
        raise Unavailable("The device is gone.")

    monkeypatch.setattr(service, "serve", fail)
    assert main(["serve"]) == 1
    assert capsys.readouterr().err == "brightfield: The device is gone.\n"


def test_the_module_is_the_command(started, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["brightfield", "serve", "--port", "8124"])
    assert module.main() == 0
    monkeypatch.setattr("sys.argv", ["brightfield"])
    assert module.main() == 0
    assert [settings.port for settings in started] == [8124, 8000]
    monkeypatch.setattr("sys.argv", ["brightfield", "--port", "8124"])
    assert module.main() == 2
    assert "serve" in capsys.readouterr().err
