"""The files for several machines, read by the schemas of the programs that they are for."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from starlette.testclient import TestClient

from brightfield.api.app import create_app
from brightfield.cluster.deployment import serve_config
from brightfield.cluster.environment import KEPT, VARIABLES, balancer_folder
from brightfield.settings import Settings

from .pages import ROOT

DEPLOY = ROOT / "deploy"
PAGE = (ROOT / "docs" / "how-to" / "many-machines.md").read_text(encoding="utf-8")
PLAIN = DEPLOY / "kubernetes" / "brightfield.yaml"
HPA = DEPLOY / "kubernetes" / "hpa.yaml"
RAY = DEPLOY / "ray" / "rayservice.yaml"
COMPOSE = DEPLOY / "compose.cluster.yml"
SECRET = {"BRIGHTFIELD_DATABASE_URL": "postgresql://user:password@host/name"}


def documents(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def pods(value: Any) -> Iterator[dict[str, Any]]:
    """The templates of pods within a document."""
    if isinstance(value, dict):
        if "containers" in value:
            yield value
        for each in value.values():
            yield from pods(each)
    elif isinstance(value, list):
        for each in value:
            yield from pods(each)


def settings_of(container: dict[str, Any]) -> Settings:
    """What a container's variables say; those from a secret, a pod's address, are made up."""
    told = {each["name"]: each.get("value") for each in container["env"]}
    given = {**told, **SECRET, "BRIGHTFIELD_ADDRESS": "10.0.0.2:8000"}
    named = {
        name.removeprefix("BRIGHTFIELD_").lower(): value
        for name, value in given.items()
        if name.startswith("BRIGHTFIELD_")
    }
    assert set(named) <= set(Settings.model_fields)
    return Settings(**named)  # type: ignore[arg-type]


@pytest.mark.parametrize("path", [PLAIN, HPA], ids=lambda path: str(path.name))
def test_kubernetes_takes_every_document(path: Path) -> None:
    """By the schemas of its own API, without unknown members."""
    found = documents(path)
    assert found
    for each in found:
        kubernetes_validate.validate(each, "1.30", strict=True)


def test_the_deployment_is_found_by_its_service_its_budget_and_its_scaling() -> None:
    deployment, service, budget = documents(PLAIN)
    (hpa,) = documents(HPA)
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"] == labels
    assert service["spec"]["selector"] == budget["spec"]["selector"]["matchLabels"] == labels
    assert hpa["spec"]["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert service["spec"]["ports"][0]["targetPort"] == container["ports"][0]["name"]
    settings = settings_of(container)
    assert settings.images == "database" and container["ports"][0]["containerPort"] == settings.port
    grace = deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    pause = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
    assert grace > settings.stop_timeout + pause
    mounts = {each["mountPath"] for each in container["volumeMounts"]}
    assert mounts == {"/data", "/models"}  # those of the Dockerfile


def test_probes_are_answered_by_a_pods_address(tmp_path: Path) -> None:
    """Kubernetes names the pod's address in the Host header, which nobody has listed."""
    (container,) = next(pods(documents(PLAIN)))["containers"]
    listed = settings_of(container).allowed_hosts
    settings = Settings(data=tmp_path, preload=False, device="cpu", allowed_hosts=listed)
    with TestClient(create_app(settings), base_url="http://10.0.0.2:8000") as client:
        for name in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert client.get(container[name]["httpGet"]["path"]).status_code == 200
        assert client.get("/metrics").status_code == 200
        assert client.get("/models").status_code == 403
        host = listed.split(",")[0]
        assert client.get("/models", headers={"Host": host}).status_code == 200


def test_the_settings_of_the_horizontal_scaling_are_counted() -> None:
    assert "brightfield_queue_depth" in HPA.read_text(encoding="utf-8")
    assert "`brightfield_queue_depth`" in (ROOT / "docs" / "counters.md").read_text("utf-8")


def test_rayservice_sets_what_the_start_would_set() -> None:
    (service,) = documents(RAY)
    found = list(pods(service["spec"]["rayClusterConfig"]))
    assert len(found) == 2
    for pod in found:
        (container,) = pod["containers"]
        settings = settings_of(container)
        told = {each["name"]: each.get("value") for each in container["env"]}
        own = str(balancer_folder(settings))  # a container has a user and a /tmp of its own
        expected = {
            each.name: value
            for each in VARIABLES
            if not (value := each.value(settings)).startswith(own)
        }
        assert {name: told.get(name) for name in expected} == expected
        assert "RAY_AUTH_TOKEN" in told
        assert settings.engine == "ray" and settings.images == "database"


def test_rayservice_deploys_what_the_start_would_deploy() -> None:
    (service,) = documents(RAY)
    (container,) = next(pods(service["spec"]["rayClusterConfig"]))["containers"]
    settings = settings_of(container).model_copy(update={"host": "0.0.0.0"})
    assert yaml.safe_load(service["spec"]["serveConfigV2"]) == serve_config(settings)
    head = service["spec"]["rayClusterConfig"]["headGroupSpec"]["rayStartParams"]
    assert head["num-cpus"] == "0"
    assert service["spec"]["rayClusterConfig"]["rayVersion"].startswith(pinned())


def pinned() -> str:
    """The minor version of Ray that the extra installs."""
    found = re.search(r'"ray\[serve\]>=([\d.]+),<', (ROOT / "pyproject.toml").read_text("utf-8"))
    assert found is not None
    return found[1]


@pytest.mark.parametrize("pod", list(pods(documents(RAY))), ids=["head", "workers"])
def test_kubernetes_takes_the_pods_of_the_rayservice(pod: dict[str, Any]) -> None:
    whole = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "ray"}, "spec": pod}
    kubernetes_validate.validate(whole, "1.30", strict=True)


def test_compose_takes_the_file_and_its_names_are_those_of_the_balancer() -> None:
    words = ["-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE)]
    command = [sys.executable, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    services = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]
    assert services["brightfield"]["scale"] == 2
    assert set(services["brightfield"]["environment"]) <= {
        f"BRIGHTFIELD_{name.upper()}" for name in Settings.model_fields
    }
    balancer = (DEPLOY / "compose.cluster.nginx.conf").read_text(encoding="utf-8")
    assert f"http://brightfield:{Settings.model_fields['port'].default}" in balancer
    assert "/compose.cluster.nginx.conf:" in json.dumps(services["nginx"]["volumes"])


def test_the_page_has_every_variable_with_its_reason() -> None:
    rows = re.findall(r"^\| `(RAY_\w+)` \| (.*?) \| (.*) \|$", PAGE, re.MULTILINE)
    settings, folder = Settings(), str(balancer_folder(Settings()))
    expected = [
        (each.name, f"`{each.value(settings).replace(folder, 'FOLDER')}`", each.why)
        for each in VARIABLES
    ]
    assert rows == [*expected, *((name, "yours", why) for name, why in KEPT.items())]
