"""What a project has is not there for others, whatever route they try."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ...docs.pages import ROOT
from ..conftest import COFFEE, png
from .conftest import Lab

DOCUMENT = json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))


class Belongings:
    """What a project has: a collection with an item, a map and a job, a run, and an image."""

    def __init__(self, lab: Lab, project: str) -> None:
        self.key = lab.key(f"{project}-writer", "read", "write", project=project)

        def ask(method: str, path: str, body: Any = None, **headers: str) -> Any:
            answer = lab.ask(method, path, self.key, json=body, headers=headers)
            assert answer.status_code < 300, answer.text
            return answer.json()

        rows = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1]]
        ids = [f"item{number}" for number in range(len(rows))]
        ask("PUT", "/collections/cells", {"dim": 3})
        ask("POST", "/collections/cells/items", {"vectors": rows, "ids": ids})
        made = ask("POST", "/collections/cells/projection", {"method": "pca"})
        run = ask("POST", "/metrics/runs", {"name": "june", "ci": {"method": "none"}})
        chunk = {"truth": [0, 1, 1], "scores": [0.2, 0.7, 0.4]}
        ask("PUT", f"/metrics/runs/{run['id']}/chunks/first", chunk)
        job = ask("POST", "/collections/cells/clusters", {"k": 2}, Prefer="respond-async")
        with lab.client.stream(
            "GET", f"/jobs/{job['id']}/events", headers={"Authorization": f"Bearer {self.key}"}
        ) as events:
            events.read()  # to its end
        self.image = lab.ask("PUT", "/images", self.key, content=png(COFFEE[:9, :9])).json()["id"]
        self.places = {
            "name": "cells", "item_id": "item0", "map_id": made["id"], "run_id": run["id"],
            "key": "first", "job_id": job["id"], "model_id": "imagenet-lite0",
            "image_id": self.image,
        }  # fmt: skip

    def path(self, template: str) -> str:
        here = {**self.places, **({"name": "roc"} if "/plot/{name}" in template else {})}
        return template.format(**here)


@pytest.fixture(scope="module")
def optics(lab: Lab) -> Belongings:
    return Belongings(lab, "optics")


OWNED = [
    pytest.param(method, path, id=f"{method} {path}")
    for path, operations in DOCUMENT["paths"].items()
    for method in operations
    if "{" in path and "{model_id}" not in path and (method, path) != ("put", "/collections/{name}")
]


def body_for(method: str, path: str) -> Any:
    """What a request to the path brings that nobody finds fault with."""
    if method == "get":
        return None
    if path.endswith("/items"):
        return {"vectors": [[1, 0, 0]], "ids": ["x"]}
    if path.endswith("/chunks/{key}"):
        return {"truth": [0, 1, 1], "scores": [0.2, 0.7, 0.4]}
    needed = {
        "/neighbors": {"id": "item0"}, "/disagreements": {"by": "label"},
        "/replacement": {"by": "other"},
        "/tcav": {"target": "0", "concept": {"label": 1}, "inputs": {"label": 2}},
    }  # fmt: skip
    return needed.get(path[path.rindex("/") :], {})


def query_for(method: str, path: str) -> dict[str, str]:
    """And its query."""
    if (method, path) == ("delete", "/collections/{name}/items"):
        return {"ids": "item0"}
    named = ("/collections/{name}/item", "/collections/{name}/thumbnail")
    return {"id": "item0"} if path in named else {}


@pytest.mark.parametrize(("method", "path"), OWNED)
@pytest.mark.parametrize("scopes", [("read", "write"), ("admin",)], ids=["read, write", "admin"])
def test_what_another_project_has_is_not_there(
    lab: Lab, optics: Belongings, method: str, path: str, scopes: tuple[str, ...]
) -> None:
    stranger = lab.key(f"stranger-{scopes[0]}", *scopes, project="genetics")
    query = query_for(method, path)
    body = None if query else body_for(method, path)
    answer = lab.ask(method, optics.path(path), stranger, json=body, params=query)
    assert answer.status_code == 404, answer.text
    known = ("unknown_collection", "unknown_job", "unknown_run", "image_expired")
    assert answer.json()["code"] in known
    assert "Did you mean" not in answer.json()["detail"]  # nor are its names told


def test_what_a_project_has_is_still_there(lab: Lab, optics: Belongings) -> None:
    """After strangers have tried to change and delete all of it."""
    answers = {"/index": 409, "/thumbnail": 404}  # SQLite has no indexes, vectors no pictures
    for path, operations in DOCUMENT["paths"].items():
        if "get" in operations and "{" in path and "{model_id}" not in path:
            query = query_for("get", path)
            answer = lab.ask("get", optics.path(path), optics.key, params=query)
            known = answers.get(path[path.rindex("/") :], 200)
            assert answer.status_code == known, (path, answer.text)
    assert len(lab.ask("GET", "/collections/cells/items", optics.key).json()["items"]) == 5


@pytest.mark.parametrize(("path", "name"), [("/collections", "cells"), ("/metrics/runs", "june")])
def test_lists_have_the_projects_own_alone(
    lab: Lab, optics: Belongings, path: str, name: str
) -> None:
    stranger = lab.key("stranger-read", "read", "write", project="genetics")
    mine, theirs = (lab.ask("GET", path, key).json() for key in (optics.key, stranger))
    kind = path.rpartition("/")[2]
    assert [each["name"] for each in mine[kind]] == [name]
    assert name not in [each["name"] for each in theirs[kind]]


def test_names_are_those_of_a_project(lab: Lab, optics: Belongings) -> None:
    other = Belongings(lab, "botany")
    assert other.places["run_id"] != optics.places["run_id"]
    assert lab.ask("DELETE", "/collections/cells", other.key).status_code == 200
    assert lab.ask("GET", "/collections/cells", optics.key).json()["items"] == 5


def test_the_digest_of_an_image_is_no_key_to_its_pixels(lab: Lab, optics: Belongings) -> None:
    stranger = lab.key("stranger-read", "read", "write", project="genetics")
    made = lab.ask("PUT", "/collections/own", stranger, json={"keep_images": True})
    assert made.status_code in (200, 201)
    for path in ("/classify", "/collections/own/items", "/collections/own/neighbors"):
        answer = lab.ask("POST", path, stranger, json={"image": {"id": optics.image}})
        assert "image_expired" in answer.text, answer.text
    asked = lab.ask("POST", "/classify", optics.key, json={"image": {"id": optics.image}})
    assert asked.status_code == 200
    same = lab.ask("PUT", "/images", stranger, content=png(COFFEE[:9, :9])).json()["id"]
    assert same == optics.image  # an id stays what it says: the digest of the bytes


def test_a_collection_is_not_replaced_by_another_projects(lab: Lab, optics: Belongings) -> None:
    stranger = lab.key("stranger-read", "read", "write", project="genetics")
    made = lab.ask("PUT", "/collections/mine", stranger, json={"dim": 3})
    assert made.status_code in (200, 201)
    answer = lab.ask("POST", "/collections/mine/replacement", stranger, json={"by": "cells"})
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_collection")
    assert lab.ask("GET", "/collections/cells", optics.key).status_code == 200


def test_runs_of_two_projects_cannot_be_compared(lab: Lab, optics: Belongings) -> None:
    stranger = lab.key("stranger-read", "read", "write", project="genetics")
    own = lab.ask("POST", "/metrics/runs", stranger, json={"ci": {"method": "none"}}).json()["id"]
    for a, b in ((own, optics.places["run_id"]), (optics.places["run_id"], own)):
        answer = lab.ask("GET", f"/metrics/compare?a={a}&b={b}", stranger)
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_run")
