"""GET / and the files of the page."""

from __future__ import annotations

import re

from starlette.testclient import TestClient

MODULE = re.compile(r"from '(\.[^']+)'")


def test_the_page_runs_its_own_files_alone(client: TestClient) -> None:
    page = client.get("/", headers={"Accept": "text/html"})
    assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'self'; ") and "unsafe" not in policy
    assert page.headers["x-content-type-options"] == "nosniff"
    linked = re.findall(r'(?:href|src)="(web/[^"]+)"', page.text)
    assert "web/app.js" in linked
    for each in linked:
        assert client.get(f"/{each}").status_code == 200


def test_every_module_that_is_imported_is_there(client: TestClient) -> None:
    known, waiting = set(), ["/web/app.js"]
    while waiting:
        path = waiting.pop()
        reply = client.get(path)
        assert reply.status_code == 200, path
        assert reply.headers["content-type"] == "text/javascript; charset=utf-8"
        found = {str(reply.url.join(each).path) for each in MODULE.findall(reply.text)}
        waiting += found - known
        known |= found
    assert "/web/panels/why.js" in known


def test_who_has_a_file_gets_no_second_one(client: TestClient) -> None:
    first = client.get("/web/app.js")
    tag = first.headers["etag"]
    assert re.fullmatch(r'"[0-9a-f]{64}"', tag)
    again = client.get("/web/app.js", headers={"If-None-Match": f'"other", {tag}'})
    assert again.status_code == 304 and again.content == b"" and again.headers["etag"] == tag
    assert client.get("/web/app.js", headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_program_that_wants_json_gets_it(client: TestClient) -> None:
    reply = client.get("/", headers={"Accept": "application/json"})
    assert reply.json()["openapi"] == "/openapi.json"


def test_only_files_of_the_page_are_served(client: TestClient) -> None:
    for name in ("__init__.py", "samples.py", "../api/app.py", "nothing.js", "samples/moon.png"):
        assert client.get(f"/web/{name}").status_code == 404, name
    assert client.get("/web/samples/coffee.png").headers["content-type"] == "image/png"
