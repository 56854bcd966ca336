"""What can't work is refused at the start, with one sentence that says what to do."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from brightfield import commands
from brightfield.cluster import checks
from brightfield.cluster.checks import check_plain, check_settings
from brightfield.cluster.secret import VARIABLE, take_secret
from brightfield.settings import Settings

GOOD = {"engine": "ray", "database_url": "postgresql://lab/cells", "images": "database"}


@pytest.fixture(autouse=True)
def _ray_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "find_spec", lambda name: object())
    monkeypatch.setattr(checks, "gpus", lambda: 0)


def settings(**given: Any) -> Settings:
    return Settings(**{**GOOD, **given})


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"database_url": ""}, "--database-url"),
        ({"database_url": "sqlite:///x.db", "replicas": "2"}, "--database-url"),
        ({"images": "", "replicas": "1:2"}, "--images"),
        ({"replica_gpus": 1}, "--replica-gpus 0"),
        ({"tls_certificate": "a.pem", "tls_key": "a.key"}, "--tls-certificate"),
        ({"images": "", "pools": "large: sam-*"}, "--images"),
        ({"pools": "large: sam-*", "serves": "sam-*"}, "--serves"),
        ({"cluster": "10.0.0.1"}, "HOST:PORT"),
        ({"cluster": "10.0.0.1:6379"}, "--host 0.0.0.0"),
        ({"cluster": "10.0.0.1:6379", "host": "0.0.0.0", "images": ""}, "--images"),
    ],
)
def test_what_does_not_go_together_is_refused(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told) as fault:
        check_settings(settings(**given))
    assert str(fault.value).endswith(".") and "\n" not in str(fault.value)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"replicas": "2:16"},
        {"images": "", "replicas": "1"},
        {"cluster": "10.0.0.1:6379", "host": "10.0.0.2"},
        {"cluster": "127.0.0.1:6379"},
    ],
)
def test_what_goes_together_is_taken(given: dict[str, Any]) -> None:
    check_settings(settings(**given))


def test_a_gpu_for_each_replica_is_taken_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(checks, "gpus", lambda: 8)
    check_settings(settings(replica_gpus=1))


def test_without_ray_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'brightfield\[ray\]'"):
        check_settings(settings())


def test_on_another_system_than_linux_it_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(ValueError, match="Linux"):
        check_settings(settings())


@pytest.mark.parametrize("given", ["0", "-1", "4:2", "many", "1:2:3", ""])
def test_a_number_of_replicas_is_one_or_two_numbers(given: str) -> None:
    with pytest.raises(ValidationError, match="2:16"):
        Settings(replicas=given)


@pytest.mark.parametrize(("given", "bounds"), [("1", (1, 1)), ("4", (4, 4)), ("2:16", (2, 16))])
def test_the_bounds_are_read(given: str, bounds: tuple[int, int]) -> None:
    assert Settings(replicas=given).replica_bounds == bounds


def test_several_replicas_need_the_other_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("brightfield.serving.start.serve", lambda settings: 17)
    assert commands.run(["serve"]) == 17
    with pytest.raises(ValueError, match="--engine ray"):
        commands.run(["serve", "--replicas", "2"])
    for given in ({"replicas": "1:2"}, {"pools": "large: sam-*"}):
        with pytest.raises(ValueError, match="--engine ray"):
            check_plain(Settings(**given))


def test_who_serves_some_models_can_be_reached() -> None:
    with pytest.raises(ValueError, match="--address"):
        check_plain(Settings(serves="sam-*", port=0))
    for given in ({"port": 0, "address": "10.0.0.2:8000"}, {}):
        check_plain(Settings(serves="sam-*", **given))  # type: ignore[arg-type]


def test_the_command_starts_the_other_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("brightfield.cluster.start.serve", lambda settings: settings.replicas)
    assert commands.run(["serve", "--engine", "ray", "--replicas", "2:4"]) == "2:4"


def test_the_first_machine_makes_a_secret_and_keeps_it(tmp_path: Path) -> None:
    first: dict[str, str] = {}
    told = take_secret(settings(data=tmp_path), first)
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600 and str(file) in told
    assert len(first[VARIABLE]) >= 40 and first[VARIABLE] not in told
    again: dict[str, str] = {}
    take_secret(settings(data=tmp_path), again)
    assert again == first


def test_a_machine_that_joins_must_know_the_secret(tmp_path: Path) -> None:
    joining = settings(data=tmp_path, cluster="10.0.0.1:6379")
    with pytest.raises(ValueError, match=VARIABLE):
        take_secret(joining, {})
    known = {VARIABLE: "word"}
    take_secret(joining, known)
    assert known == {VARIABLE: "word"}
