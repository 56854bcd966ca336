"""A key is held to its rate, its images in flight and its bytes, and told of them."""

from __future__ import annotations

import re

from ..conftest import COFFEE, png
from .conftest import Lab


def test_the_rate_of_a_key_is_held_and_told(lab: Lab) -> None:
    key = lab.key("slow", "read", rate=0.02)
    first = lab.ask("GET", "/models", key)
    assert first.headers["RateLimit-Policy"] == '"requests";q=1;w=50;qu="requests"'
    assert re.fullmatch(r'"requests";r=0;t=(49|50)', first.headers["RateLimit"])
    answer = lab.ask("GET", "/models", key)
    assert (answer.status_code, answer.json()["code"]) == (429, "rate_exceeded")
    assert answer.json()["retryable"] is True
    assert 48 <= int(answer.headers["Retry-After"]) <= 50
    assert "RateLimit" in answer.headers
    unlimited = lab.ask("GET", "/models", lab.key("read"))
    assert "RateLimit-Policy" not in unlimited.headers


def test_a_key_has_its_images_in_flight_alone(lab: Lab) -> None:
    key = lab.key("pair", "read", "write", in_flight=2)
    files = [("file", png(COFFEE[:8, :8])) for _ in range(3)]
    answer = lab.ask("POST", "/classify", key, files=files)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_many_images")
    assert answer.headers["RateLimit"] == '"in-flight";r=2'
    slow = {"window": 8, "stride": 4}
    asked = {"params": slow, "content": png(COFFEE[:300, :300])}
    wanted = {"headers": {"Prefer": "respond-async"}}
    jobs = [lab.ask("POST", "/occlusion", key, **asked, **wanted).json()["id"] for _ in range(2)]
    answer = lab.ask("POST", "/occlusion", key, **asked)
    assert (answer.status_code, answer.json()["code"]) == (429, "share_exceeded")
    assert answer.json()["retryable"] and int(answer.headers["Retry-After"]) >= 1
    assert lab.ask("GET", "/models", key).status_code == 200
    assert lab.ask("GET", "/models", lab.key("read")).status_code == 200
    for job in jobs:
        lab.ask("DELETE", f"/jobs/{job}", key)
        lab.ask("GET", f"/jobs/{job}/events", key)  # to its end
    answer = lab.ask("POST", "/classify", key, files=files[:2])
    assert answer.status_code == 200


def test_a_key_fills_its_project_up_to_its_bytes(lab: Lab) -> None:
    key = lab.key("filler", "read", "write", project="small", stored_bytes=2000)
    rows = [[n + 0.123456789] * 100 for n in range(3)]
    assert lab.ask("PUT", "/collections/c", key, json={"dim": 100}).status_code == 201
    answer = lab.ask("POST", "/collections/c/items", key, json={"vectors": rows})
    assert answer.status_code == 429, answer.text
    problem = answer.json()
    assert (problem["code"], problem["retryable"]) == ("quota_exceeded", False)
    answer = lab.ask("POST", "/collections/c/items", key, json={"vectors": rows[:1]})
    assert answer.status_code == 200
    assert '"stored";q=2000;qu="content-bytes"' in answer.headers["RateLimit-Policy"]
    assert lab.ask("GET", "/collections/c", key).status_code == 200
    assert lab.ask("DELETE", "/collections/c", key).status_code == 200
    answer = lab.ask("PUT", "/images", key, content=png(COFFEE))  # uploads count as well
    assert (answer.status_code, answer.json()["code"]) == (429, "quota_exceeded")
    other = lab.key("free", "read", "write", project="small")  # the limit is the key's
    assert lab.ask("PUT", "/collections/d", other, json={"dim": 100}).status_code == 201
    assert lab.ask("POST", "/collections/d/items", other, json={"vectors": rows}).is_success
