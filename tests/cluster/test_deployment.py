"""What Ray is told: its variables, and the deployment, from the settings."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from brightfield.cluster import environment
from brightfield.cluster.deployment import application_names, deployment_options, serve_config
from brightfield.cluster.environment import KEPT, VARIABLES
from brightfield.cluster.node import RayNode, own_address, reached_at
from brightfield.cluster.service import DeployedService
from brightfield.settings import Settings


def applied(given: dict[str, str] | None = None, **values: Any) -> dict[str, str]:
    found = dict(given or {})
    environment.apply(Settings(**values), found)
    return found


def test_every_variable_has_a_reason_and_is_set_once() -> None:
    names = [each.name for each in VARIABLES]
    assert len(set(names)) == len(names) and not set(names) & set(KEPT)
    assert all(each.why.endswith(".") for each in VARIABLES)
    assert set(names) <= set(applied())


def test_replicas_share_few_heaps_as_the_plain_service_does() -> None:
    assert applied()["MALLOC_ARENA_MAX"] == "2"
    assert applied({"MALLOC_ARENA_MAX": "4"})["MALLOC_ARENA_MAX"] == "4"


def test_what_waits_for_an_answer_waits_longer_than_the_service() -> None:
    found = applied(timeout=40)
    waits = [int(value) for name, value in found.items() if name.endswith(("_TIMEOUT_SERVER_S",
             "_TIMEOUT_CLIENT_S", "_HARD_STOP_AFTER_S"))]  # fmt: skip
    assert len(waits) == 3 and min(waits) > 40
    assert deployment_options(Settings(timeout=40))["graceful_shutdown_timeout_s"] > 40


def test_what_an_operator_has_set_holds() -> None:
    assert applied({"RAY_worker_niceness": "5"})["RAY_worker_niceness"] == "5"


def test_replicas_read_the_settings_that_were_given() -> None:
    given = {
        "preload": False,
        "models": "/srv/models",
        "memory_budget": "2GiB",
        "images": "database",
    }
    found = applied(**given)
    told = {name.removeprefix("BRIGHTFIELD_").lower(): value for name, value in found.items()
            if name.startswith("BRIGHTFIELD_")}  # fmt: skip
    assert Settings(**told).model_dump() == Settings(**given).model_dump()  # type: ignore[arg-type]
    assert "BRIGHTFIELD_TIMEOUT" not in found


def test_the_balancer_has_a_folder_that_nobody_else_enters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    one = Settings(port=8123)
    environment.make_balancer_folder(one)
    environment.make_balancer_folder(one)
    (folder,) = tmp_path.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert applied(port=8123)["RAY_SERVE_HAPROXY_SOCKET_PATH"] == str(folder / "admin.sock")
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    (tmp_path / "brightfield-12345-8123").mkdir()
    with pytest.raises(ValueError, match="another user"):
        environment.make_balancer_folder(one)


def test_a_fixed_number_and_one_between_bounds() -> None:
    assert deployment_options(Settings(replicas="4"))["num_replicas"] == 4
    options = deployment_options(Settings(replicas="2:16", target_wait=0.25, replica_gpus=1))
    scaling = options["autoscaling_config"]
    assert (scaling["min_replicas"], scaling["max_replicas"]) == (2, 16)
    assert scaling["policy"]["policy_kwargs"] == {"target_wait": 0.25}
    assert options["ray_actor_options"] == {"num_cpus": 1.0, "num_gpus": 1}
    assert "num_replicas" not in options


def test_ray_refuses_nobody_whom_the_service_would_let_in() -> None:
    options = deployment_options(Settings(max_in_flight=50))
    assert options["max_ongoing_requests"] >= 2 * 50 and options["max_queued_requests"] == -1


def test_another_number_of_replicas_changes_nothing_that_would_replace_them() -> None:
    one, two = (serve_config(Settings(replicas=count)) for count in ("1", "2"))
    for each in (one, two):
        each["applications"][0].pop("deployments")
    assert one == two
    assert serve_config(Settings(), 1) != serve_config(Settings(), 2)


def test_a_pool_is_an_application_of_its_own() -> None:
    pools = "large: sam-*,medsam replicas=1:2 cpus=2 gpus=4; old: vgg16"
    default, large, old = serve_config(Settings(replicas="3", pools=pools), 7)["applications"]
    assert default["route_prefix"] == "/" and default["deployments"][0]["num_replicas"] == 3
    assert default["args"] == {"generation": 7, "serves": "!sam-*,!medsam,!vgg16"}
    assert (large["name"], large["route_prefix"]) == ("brightfield-large", "/pools/large")
    (options,) = large["deployments"]
    assert options["ray_actor_options"] == {"num_cpus": 2.0, "num_gpus": 4}
    assert options["autoscaling_config"]["max_replicas"] == 2
    own = Settings(**large["args"])
    assert (own.serves, own.replica_bounds, own.replica_cpus) == ("sam-*,medsam", (1, 2), 2.0)
    assert old["deployments"][0]["ray_actor_options"] == {"num_cpus": 1.0, "num_gpus": 0}
    assert "serves" not in serve_config(Settings())["applications"][0]["args"]
    names = [default["name"], large["name"], old["name"]]
    assert application_names(Settings(pools=pools)) == names


@pytest.mark.parametrize(
    ("states", "told"),
    [
        ({"": "RUNNING", "-large": "RUNNING"}, "running"),
        ({"": "RUNNING", "-large": "DEPLOYING"}, "starting"),
        ({"": "RUNNING"}, "starting"),
        ({"": "DEPLOYING", "-large": "DEPLOY_FAILED"}, "failed"),
    ],
)
def test_the_service_is_there_when_its_pools_are(
    states: dict[str, str], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {
        f"brightfield{name}": SimpleNamespace(status=status, message=name, deployments={})
        for name, status in states.items()
    }
    serve = SimpleNamespace(status=lambda: SimpleNamespace(applications=known))
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(serve=serve, init=lambda **_: None))
    service = DeployedService(Settings(pools="large: sam-*"), "10.0.0.1:6379")
    state, reason = service.state()
    assert state == told and reason == ("-large" if told == "failed" else "")


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ({}, "127.0.0.1"),
        ({"host": "10.0.0.2"}, "10.0.0.2"),
        ({"host": "0.0.0.0"}, None),
        ({"host": "0.0.0.0", "address": "cells-2:8000"}, "cells-2"),
        ({"host": "0.0.0.0", "address": "cells-2"}, "cells-2"),
    ],
)
def test_a_node_is_known_by_the_address_that_others_reach(
    given: dict[str, Any], address: str | None
) -> None:
    settings = Settings(**given)
    assert own_address(settings) == address
    told = RayNode(settings, 6380).arguments()
    assert ("--node-ip-address" in told) == (address is not None)
    assert "--head" in told and "6380" in told
    if address is not None:
        assert reached_at(settings, 30_001) == f"{address}:30001"
    joining = RayNode(Settings(cluster="10.0.0.1:6379", **given)).arguments()
    assert "--head" not in joining and "10.0.0.1:6379" in joining


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processes aren't bound here")
def test_a_node_lends_the_processors_that_it_may_use() -> None:
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        told = RayNode(Settings(), 6380).arguments()
    finally:
        os.sched_setaffinity(0, before)
    assert ("--num-cpus" in told) == ((os.cpu_count() or 1) > 1)
