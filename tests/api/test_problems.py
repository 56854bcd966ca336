"""Whatever refuses a request, the reply is a problem document."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("DELETE", "/models", 405, "method_not_allowed"),
        ("POST", "/models/imagenet-lite0/load?pin=maybe", 422, "invalid_parameter"),
        ("GET", "/jobs/job_1", 404, "unknown_job"),
    ],
)
def test_every_refusal_is_a_problem(
    client: TestClient, method: str, path: str, status: int, code: str
) -> None:
    reply = client.request(method, path)
    assert reply.status_code == status
    assert reply.headers["content-type"] == "application/problem+json"
    problem = reply.json()
    assert (problem["code"], problem["status"]) == (code, status)
    assert problem["type"] == f"urn:brightfield:problem:{code}"
    assert problem["request_id"] == reply.headers["x-request-id"]


def test_a_problem_names_the_wrong_parameter(client: TestClient) -> None:
    problem = client.post("/models/imagenet-lite0/load?pin=maybe").json()
    assert [error["location"] for error in problem["errors"]] == ["pin"]
    assert problem["errors"][0]["received"] == "maybe"
