"""What a browser is told about every reply, good or bad."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest
from starlette.testclient import TestClient

from brightfield.api.wire.security_headers import SecurityHeaders

ROWS = {"truth": [0, 0, 1, 1], "scores": [0.1, 0.4, 0.35, 0.8], "ci": {"method": "none"}}


@pytest.mark.parametrize(
    "path", ["/livez", "/models", "/nothing", "/metrics", "/openapi.json", "/collections/none"]
)
def test_no_reply_runs_loads_or_is_framed(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy


@pytest.mark.parametrize("form", ["html", "svg", "png"])
def test_reports_run_nothing_either(client: TestClient, form: str) -> None:
    reply = client.post("/metrics", params={"format": form}, json=ROWS)
    assert reply.status_code == 200
    (policy,) = reply.headers.get_list("content-security-policy")
    assert "sandbox" in policy and "frame-ancestors 'none'" in policy
    assert reply.headers.get_list("x-content-type-options") == ["nosniff"]


def test_shared_replies_may_be_loaded_by_other_origins() -> None:
    headers: list[tuple[bytes, bytes]] = []
    SecurityHeaders(shared=True).add_to(headers)
    assert b"cross-origin-resource-policy" not in dict(headers)
    assert dict(headers)[b"x-content-type-options"] == b"nosniff"


def test_the_documentation_runs_its_own_code_alone(client: TestClient) -> None:
    """As a browser judges it: each script is a file of the service, or has a digest listed."""
    reply = client.get("/docs")
    (policy,) = reply.headers.get_list("content-security-policy")
    rules = {rule.split()[0]: rule.split()[1:] for rule in policy.split("; ")}
    assert rules["default-src"] == ["'none'"] and "'unsafe-inline'" not in rules["script-src"]
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", reply.text, re.DOTALL)
    assert len(scripts) == 2
    for attributes, code in scripts:
        digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
        source = re.search(r'src="(/[^"]+)"', attributes)
        assert source is not None or f"'sha256-{digest}'" in rules["script-src"]
    for place in re.findall(r'(?:src|href)="([^"]+)"', reply.text):
        assert client.get(place).status_code == 200
    assert not re.search(r"\son\w+=", reply.text)  # handlers within tags would not run
