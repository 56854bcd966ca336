"""The files for the person who runs it: each is read by the program that it is for, or as by it."""

from __future__ import annotations

import configparser
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import trustme
import yaml

from brightfield.runtime.telemetry import Telemetry
from brightfield.settings import Settings

from .pages import ROOT

DEPLOY = ROOT / "deploy"
PAGE = (ROOT / "docs" / "how-to" / "run-it.md").read_text(encoding="utf-8")
_OF_SERIES = ("_bucket", "_sum", "_count", "")


def variables() -> dict[str, str]:
    lines = (DEPLOY / "brightfield.env").read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_every_file_is_named_on_a_page() -> None:
    several = (ROOT / "docs" / "how-to" / "many-machines.md").read_text(encoding="utf-8")
    named = set(re.findall(r"deploy/([\w.-]+)", PAGE + several))
    assert named == {path.name for path in DEPLOY.iterdir()}


def test_every_variable_is_a_setting_with_a_value_that_it_takes() -> None:
    given = {name.removeprefix("BRIGHTFIELD_").lower(): each for name, each in variables().items()}
    assert set(given) <= set(Settings.model_fields)
    settings = Settings(**given)  # type: ignore[arg-type]
    assert settings.image_cache_bytes == 20 * 2**30 and settings.require_keys == "never"


@pytest.mark.parametrize("name", ["brightfield.service", "brightfield-backup.service"])
def test_systemd_takes_the_unit(name: str, tmp_path: Path) -> None:
    verify = shutil.which("systemd-analyze")
    if verify is None:
        pytest.skip("systemd is not on this machine")
    text = (DEPLOY / name).read_text("utf-8")
    program = tmp_path / "brightfield"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / name
    unit.write_text(text.replace("/srv/brightfield/.venv/bin/brightfield", str(program)))
    command = [verify, "verify", "--man=no", unit]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = [line for line in done.stderr.splitlines() if name in line]
    assert said == [] and done.returncode == 0, done.stderr


def test_a_unit_stops_later_than_the_service_and_starts_it_as_it_is_called() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.read_string((DEPLOY / "brightfield.service").read_text("utf-8"))
    service = unit["Service"]
    assert int(service["TimeoutStopSec"]) > Settings.model_fields["stop_timeout"].default
    assert service["ExecStart"].split()[1:] == ["serve"]


def test_nginx_takes_the_server_and_waits_longer_than_the_service(tmp_path: Path) -> None:
    text = (DEPLOY / "nginx.conf").read_text("utf-8")
    waits = re.search(r"proxy_read_timeout (\d+)s", text)
    assert waits is not None and int(waits[1]) > Settings.model_fields["timeout"].default
    most = re.search(r"client_max_body_size (\d+)m", text)
    assert most is not None
    assert int(most[1]) * 2**20 >= Settings.model_fields["max_bytes"].default
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        pytest.skip("nginx is not on this machine")
    made = trustme.CA().issue_cert("microscope.lab")
    made.cert_chain_pems[0].write_to_path(tmp_path / "brightfield.pem")
    made.private_key_pem.write_to_path(tmp_path / "brightfield.key")
    (tmp_path / "brightfield.htpasswd").write_text("ada:{PLAIN}x\n")
    here = text.replace("/etc/nginx", str(tmp_path))
    main = tmp_path / "main.conf"
    main.write_text(
        f"error_log stderr; pid {tmp_path}/pid; events {{}} http {{ access_log off; {here} }}"
    )
    done = subprocess.run([nginx, "-t", "-c", main], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def counted() -> set[str]:
    """The names of all series that /metrics may have."""
    kinds = re.findall(r"^# TYPE (\S+) (\w+)$", Telemetry().exposition().decode(), re.MULTILINE)
    ends = {"histogram": _OF_SERIES[:3]}
    return {name + end for name, kind in kinds for end in ends.get(kind, ("",))}


def test_every_series_of_the_dashboard_and_of_the_page_is_counted() -> None:
    dashboard = json.loads((DEPLOY / "grafana-dashboard.json").read_text("utf-8"))
    asked = [each["expr"] for panel in dashboard["panels"] for each in panel["targets"]]
    assert len(asked) >= 12
    named = {name for each in asked for name in re.findall(r"\bbrightfield_\w+", each)}
    assert len(named) >= 12 and named <= counted()
    assert set(re.findall(r"\bbrightfield_\w+", PAGE)) <= counted()
    places = [tuple(panel["gridPos"][key] for key in "xy") for panel in dashboard["panels"]]
    assert len(set(places)) == len(places)


def test_prometheus_asks_where_the_service_counts() -> None:
    told = yaml.safe_load((DEPLOY / "prometheus.yml").read_text("utf-8"))
    (job,) = told["scrape_configs"]
    assert job["metrics_path"] == "/metrics"
    port = Settings.model_fields["port"].default
    assert job["static_configs"] == [{"targets": [f"127.0.0.1:{port}"]}]
