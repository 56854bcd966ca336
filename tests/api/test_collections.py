"""Collections over HTTP: filling, asking, maps, and what is refused in words."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits, load_iris
from starlette.testclient import TestClient

from brightfield.store.items import NewItem

from .conftest import CHELSEA, COFFEE, png
from .test_jobs import ASYNC, finished

IRIS = load_iris()
SPECIES = [str(IRIS.target_names[kind]) for kind in IRIS.target]
CROPS = {
    f"{name}/{x}": png(pixels[:96, x : x + 96])
    for name, pixels in (("cat", CHELSEA), ("cup", COFFEE))
    for x in (0, 100, 200)
}


def made(client: TestClient, name: str, **definition: Any) -> None:
    client.delete(f"/collections/{name}")
    assert client.put(f"/collections/{name}", json=definition).status_code == 201


def add(client: TestClient, name: str, vectors: Any, ids: list[str], **more: Any) -> Any:
    body = {"vectors": np.asarray(vectors).tolist(), "ids": ids, **more}
    return client.post(f"/collections/{name}/items", json=body)


@pytest.fixture(scope="module")
def iris(client: TestClient) -> Iterator[str]:
    made(client, "iris", dim=4, metric="euclidean")
    metadata = [
        {"species": species, "petal": round(float(row[2]), 3), "number": number}
        for number, (species, row) in enumerate(zip(SPECIES, IRIS.data, strict=True))
    ]
    reply = add(client, "iris", IRIS.data, [f"i{n}" for n in range(150)], metadata=metadata)
    assert reply.status_code == 200
    yield "/collections/iris"
    client.delete("/collections/iris")


@pytest.fixture(scope="module")
def crops(client: TestClient) -> Iterator[str]:
    made(client, "crops")
    form = {
        "ids": json.dumps(list(CROPS)),
        "metadata": json.dumps([{"kind": name[:3]} for name in CROPS]),
    }
    files = [("file", (name, data)) for name, data in CROPS.items()]
    reply = client.post("/collections/crops/items", files=files, data=form)
    assert reply.status_code == 200, reply.text
    assert [item["outcome"] for item in reply.json()["items"]] == ["added"] * 6
    yield "/collections/crops"
    client.delete("/collections/crops")


def ids(reply: Any) -> list[str]:
    return [found["id"] for found in reply.json()["neighbors"]]


# Filling


def test_a_collection_says_what_it_is_made_of(client: TestClient, crops: str) -> None:
    found = client.get(crops).json()
    assert (found["model"], found["layer"], found["dim"]) == ("imagenet-lite0", "penultimate", 1280)
    assert found["items"] == 6 and len(found["model_sha256"]) == 64
    assert "crops" in [each["name"] for each in client.get("/collections").json()["collections"]]
    assert client.put(crops, json={}).status_code == 200
    differing = client.put(crops, json={"normalize": True})
    assert (differing.status_code, differing.json()["code"]) == (409, "collection_differs")


def test_a_kept_vector_is_that_of_embed(client: TestClient, crops: str) -> None:
    item = client.get(f"{crops}/items/cat/100").json()
    alone = client.post("/embed", content=CROPS["cat/100"]).json()["result"]["embedding"]
    np.testing.assert_allclose(item["vector"], alone, atol=2e-5)
    assert item["metadata"] == {"kind": "cat"}


def test_items_are_listed_page_by_page_and_by_filter(client: TestClient, crops: str) -> None:
    first = client.get(f"{crops}/items?limit=4").json()
    second = client.get(f"{crops}/items?limit=4&after={first['next']}").json()
    listed = [item["id"] for item in (*first["items"], *second["items"])]
    assert listed == list(CROPS) and second["next"] is None
    only = client.get(f"{crops}/items", params={"filter": '{"kind": "cup"}'}).json()
    assert [item["id"] for item in only["items"]] == ["cup/0", "cup/100", "cup/200"]


def test_a_thumbnail_is_a_small_picture(client: TestClient, crops: str) -> None:
    reply = client.get(f"{crops}/items/cup/0/thumbnail")
    assert reply.headers["content-type"] == "image/jpeg"
    assert Image.open(io.BytesIO(reply.content)).size == (96, 96)


def test_the_same_image_counts_once_and_is_not_embedded_again(
    client: TestClient, crops: str
) -> None:
    query = {"ids": "cat/0", "metadata": '{"kind": "cat"}'}
    reply = client.post(f"{crops}/items", params=query, content=CROPS["cat/0"])
    assert reply.json()["items"] == [{"id": "cat/0", "outcome": "unchanged"}]
    other = client.post(f"{crops}/items", params={"ids": "cat/0"}, content=CROPS["cup/0"])
    assert other.status_code == 207
    assert other.json()["items"][0]["error"]["code"] == "item_differs"
    assert client.get(crops).json()["items"] == 6


def test_one_bad_image_never_fails_its_neighbours(client: TestClient) -> None:
    made(client, "mixed")
    data = [base64.b64encode(each).decode() for each in (b"no image", CROPS["cat/0"])]
    body = {"images": [{"data": each} for each in data], "ids": ["bad", "good"]}
    reply = client.post("/collections/mixed/items", json=body)
    assert reply.status_code == 207
    bad, good = reply.json()["items"]
    assert bad["id"] == "bad" and bad["error"]["code"] == "unknown_format"
    assert good == {"id": "good", "outcome": "added"}
    unnamed = client.post("/collections/mixed/items", content=CROPS["cup/0"]).json()
    assert unnamed["items"][0]["id"].startswith("sha256:")


def test_items_are_added_as_a_job(client: TestClient) -> None:
    made(client, "later")
    body = {"images": [{"data": base64.b64encode(CROPS[name]).decode()} for name in CROPS]}
    body |= {"ids": list(CROPS)}
    job = client.post("/collections/later/items", json=body, headers=ASYNC).json()
    over = finished(client, job["id"])
    assert over["state"] == "succeeded" and over["progress"] == {"done": 6, "total": 6}
    assert client.get("/collections/later").json()["items"] == 6


def test_deleted_items_are_found_no_more(client: TestClient) -> None:
    made(client, "gone", dim=2)
    add(client, "gone", [[1, 0], [0.9, 0.1], [0, 1], [0, 2]], ["a", "b", "c/d", "e"])
    ask = {"vector": [1, 0]}
    assert ids(client.post("/collections/gone/neighbors", json=ask))[:2] == ["a", "b"]
    assert client.delete("/collections/gone/items/a").json() == {"deleted": 1}
    assert ids(client.post("/collections/gone/neighbors", json=ask)) == ["b", "c/d", "e"]
    assert client.delete("/collections/gone/items/a").status_code == 404
    assert client.delete("/collections/gone/items?ids=b,c/d").json() == {"deleted": 2}
    assert client.delete("/collections/gone/items").status_code == 422
    assert client.get("/collections/gone").json()["items"] == 1


@pytest.mark.parametrize(
    "change",
    [{"shape": [-1, 2]}, {"shape": [1.5, 2]}, {"shape": [True, 2]}, {"shape": ["1", 2]},
     {"shape": [2, 2]}, {"shape": [10**30, 2]}, {"shape": 2}, {"dtype": "int32"}, {"data": 7}],
)  # fmt: skip
def test_an_array_is_of_the_shape_that_it_says(client: TestClient, change: Any) -> None:
    made(client, "shapes", dim=2)
    data = base64.b64encode(np.array([[1, 2]], "<f4").tobytes()).decode()
    body = {"vectors": {"shape": [1, 2], "dtype": "float32", "data": data}, "ids": ["a"]}
    assert client.post("/collections/shapes/items", json=body).status_code == 200
    body["vectors"] = {**body["vectors"], **change}  # type: ignore[dict-item]
    reply = client.post("/collections/shapes/items", json=body)
    assert (reply.status_code, reply.json()["code"]) == (422, "invalid_vectors")


@pytest.mark.parametrize("rows", [[["1", 2]], [[True, 2]], [[None, 2]], [[10**400, 2]], "12", [1]])
def test_only_numbers_are_values(client: TestClient, rows: Any) -> None:
    made(client, "shapes", dim=2)
    reply = client.post("/collections/shapes/items", content=json.dumps({"vectors": rows}))
    assert 400 <= reply.status_code < 500, reply.text


@pytest.mark.parametrize(
    ("method", "path", "query"),
    [
        ("GET", "items", {"after": "9223372036854775808"}),
        ("GET", "items", {"after": "-1"}),
        ("GET", "items", {"filter": "[" * 3000}),
        ("GET", "items", {"filter": '{"a": "\\ud800"}'}),
        ("DELETE", "items", {"ids": "[" * 3000}),
        ("DELETE", "items", {"ids": '["\\ud800"]'}),
        ("GET", "item", {"id": "a" * 10_000}),
    ],
)
def test_odd_queries_are_the_callers_fault(
    client: TestClient, method: str, path: str, query: dict[str, str]
) -> None:
    made(client, "shapes", dim=2)
    reply = client.request(method, f"/collections/shapes/{path}", params=query)
    assert 400 <= reply.status_code < 500, reply.text


def test_labels_are_equal_as_filters_have_it(client: TestClient) -> None:
    made(client, "labels", dim=2)
    labels = [1, 1.0, True, 1, "1"]
    rows = [[1, n / 100] for n in range(5)]
    names = [f"i{n}" for n in range(5)]
    add(client, "labels", rows, names, metadata=[{"k": label} for label in labels])
    found = client.post("/collections/labels/disagreements", json={"by": "k", "k": 4}).json()
    assert found["disagreements"][0]["score"] == 1
    scores = {each["id"]: each["score"] for each in found["disagreements"]}
    assert scores == {"i0": 0.5, "i1": 0.5, "i3": 0.5, "i2": 1, "i4": 1}
    unknown = client.post("/collections/labels/disagreements", json={"by": "K"}).json()
    assert unknown["code"] == "too_few_items" and "Did you mean k" in unknown["detail"]


def test_zero_is_zero_whatever_its_sign(client: TestClient) -> None:
    made(client, "zeros", dim=2, metric="euclidean")
    add(client, "zeros", [[0.0, 1], [-0.0, 1]], ["a", "b"])
    reply = client.post("/collections/zeros/clusters", json={"k": 2})
    assert reply.status_code == 422 and "1 distinct" in reply.json()["detail"]


@pytest.mark.parametrize("bad", ["..", ".", "a/../b", "a//b", "%2e%2e", "a\\b", "a\u0007"])
def test_an_id_that_would_be_another_address_is_refused(client: TestClient, bad: str) -> None:
    made(client, "dots", dim=2)
    reply = add(client, "dots", [[1, 0], [0, 1]], ["a", bad])
    assert (reply.status_code, reply.json()["code"]) == (422, "invalid_parameter")
    assert reply.json()["errors"][0]["location"] == "ids"
    assert client.get("/collections/dots").json()["items"] == 0


def test_ids_of_earlier_versions_stay_within_reach(client: TestClient, app: FastAPI) -> None:
    made(client, "dots", dim=2)
    old = ["..", "../imgs/k1/a.png", "a//b", "%2e%2e", "a\\b", "."]
    vectors = [np.array([n, 1], np.float32) for n in range(len(old))]
    items = [NewItem(name, "s", {}, row, b"jpeg") for name, row in zip(old, vectors, strict=True)]
    app.state.services.collections.stores.items.add("dots", items)
    for number, name in enumerate(old):
        found = client.get("/collections/dots/item", params={"id": name})
        assert (found.json()["id"], found.json()["vector"]) == (name, [number, 1])
        assert client.get("/collections/dots/thumbnail", params={"id": name}).content == b"jpeg"
        query = {"ids": json.dumps([name])}
        assert client.delete("/collections/dots/items", params=query).json() == {"deleted": 1}
    assert client.get("/collections/dots").json()["items"] == 0
    assert client.get("/collections/dots/item").json()["code"] == "invalid_parameter"


# Asking


def brute(query: NDArray[Any], rows: NDArray[Any], k: int) -> list[str]:
    away = np.linalg.norm(IRIS.data[rows] - query, axis=1)
    return [f"i{n}" for n in rows[np.argsort(away, kind="stable")[:k]]]


def test_neighbours_of_a_vector_with_a_filter(client: TestClient, iris: str) -> None:
    query = [5.95, 3.03, 4.31, 1.27]
    body = {"vector": query, "k": 7, "filter": {"species": "virginica", "petal": {"lt": 5.2}}}
    reply = client.post(f"{iris}/neighbors", json=body)
    rows = np.flatnonzero((IRIS.target == 2) & (IRIS.data[:, 2] < 5.2))
    assert ids(reply) == brute(np.array(query), rows, 7)
    assert (reply.json()["exact"], reply.json()["searched"]) == (True, len(rows))
    first = reply.json()["neighbors"][0]
    number = first["metadata"]["number"]
    away = np.linalg.norm(IRIS.data[number] - query)
    assert first["distance"] == pytest.approx(away, abs=1e-6)


def test_neighbours_of_an_item_leave_it_out(client: TestClient, iris: str) -> None:
    reply = client.post(f"{iris}/neighbors", json={"id": "i17", "k": 3})
    assert "i17" not in ids(reply) and len(ids(reply)) == 3
    assert reply.json()["searched"] == 149


def test_neighbours_are_shown_beside_the_query(client: TestClient, crops: str) -> None:
    asked = {"params": {"k": 2, "format": "png"}}
    by_image = client.post(f"{crops}/neighbors", content=CROPS["cup/100"], **asked)
    by_id = client.post(f"{crops}/neighbors", json={"id": "cup/100"}, **asked)
    tiles = [
        np.asarray(Image.open(io.BytesIO(reply.content)))[6:134, 6:134].astype(int)
        for reply in (by_image, by_id)
    ]
    assert by_image.headers["content-type"] == "image/png"
    assert np.abs(tiles[0] - tiles[1]).max() == 0  # the thumbnail of the same picture
    refused = client.post(f"{crops}/neighbors?legend=true", json={"id": "cup/100"})
    assert refused.status_code == 422 and "format=json has no use for legend" in refused.text


def test_neighbours_of_an_image_in_both_spaces(client: TestClient, crops: str) -> None:
    for space, metric in (("embedding", "cosine"), ("pixels", "euclidean")):
        reply = client.post(f"{crops}/neighbors?k=6&space={space}", content=CROPS["cup/100"])
        found = reply.json()
        assert found["metric"] == metric and found["neighbors"][0]["id"] == "cup/100"
        assert found["neighbors"][0]["distance"] == pytest.approx(0, abs=1e-5)
    by_id = client.post(f"{crops}/neighbors", json={"id": "cup/100", "space": "pixels"}).json()
    assert len(by_id["neighbors"]) == 5


def test_k_means_of_iris(client: TestClient, iris: str) -> None:
    found = client.post(f"{iris}/clusters", json={"k": 3}).json()
    assert found["inertia"] == pytest.approx(78.851441, abs=2e-5)
    assert sorted(each["size"] for each in found["clusters"]) == [38, 50, 62]
    assert found["silhouette"]["value"] == pytest.approx(0.552819, abs=1e-5)
    label = dict(zip(found["ids"], found["labels"], strict=True))
    for cluster in found["clusters"]:
        assert {label[member] for member in cluster["members"]} == {cluster["cluster"]}
    only = client.post(f"{iris}/clusters?k=2", json={"filter": {"species": "setosa"}}).json()
    assert only["n"] == 50


def test_what_looks_wrong(client: TestClient, iris: str) -> None:
    twins = client.post(f"{iris}/duplicates", json={"threshold": 0}).json()
    assert [{each["id"] for each in group} for group in twins["groups"]] == [{"i101", "i142"}]
    apart = client.post(f"{iris}/outliers?most=3").json()["outliers"]
    assert len(apart) == 3 and apart[0]["score"] >= apart[1]["score"] > 1
    wrong = client.post(f"{iris}/disagreements", json={"by": "species"}).json()
    assert wrong["agreement"] > 0.95
    assert {(each["label"], each["suggested"]) for each in wrong["disagreements"]} <= {
        (a, b) for a in ("versicolor", "virginica") for b in ("versicolor", "virginica")
    }


# Maps


def test_a_map_is_kept_and_later_items_are_placed_without_moving_it(client: TestClient) -> None:
    digits = load_digits()
    made(client, "digits", dim=64, metric="euclidean")
    names = [f"d{n}" for n in range(220)]
    facts = [{"digit": int(kind)} for kind in digits.target[:220]]
    add(client, "digits", digits.data[:200], names[:200], metadata=facts[:200])
    body = {"method": "tsne", "iterations": 100, "perplexity": 20, "seed": 5}
    job = client.post("/collections/digits/projection", json=body, headers=ASYNC).json()
    assert finished(client, job["id"])["progress"] == {"done": 350, "total": 350}
    before = client.get(f"/jobs/{job['id']}/result").json()
    assert before["parameters"]["seed"] == 5 and before["n"] == 200
    assert before["trustworthiness"]["value"] > 0.95
    assert {"openTSNE", "scikit-learn", "numpy", "brightfield"} == set(before["versions"])
    assert len(before["digest"]) == 64 and before["placed"] == []
    add(client, "digits", digits.data[200:220], names[200:], metadata=facts[200:])
    client.delete("/collections/digits/items/d0")
    path = f"/collections/digits/projection/{before['id']}"
    after = client.get(path).json()
    assert after["placed"] == names[200:]
    assert after["points"]["ids"] == names[1:]
    assert after["points"]["x"][:199] == before["points"]["x"][1:]
    assert client.get(path).json() == after
    assert [each["id"] for each in client.get("/collections/digits/projection").json()[
        "projections"]] == [before["id"]]  # fmt: skip
    colored = client.get(f"{path}/plot?by=digit&size=300")
    assert Image.open(io.BytesIO(colored.content)).size == (
        300 + 24 + 180,
        324 + 24,
    )  # with a title
    assert client.delete(path).status_code == 200
    assert client.get(path).json()["code"] == "unknown_projection"


def test_a_map_of_images_is_drawn_with_thumbnails(client: TestClient, crops: str) -> None:
    made_map = client.post(f"{crops}/projection?method=pca").json()
    assert len(made_map["explained_variance_ratio"]) == 2
    path = f"{crops}/projection/{made_map['id']}/plot"
    picture = client.get(f"{path}?size=400")
    assert picture.headers["content-type"] == "image/png"
    assert client.get(f"{path}?format=svg").text.count("<image") == 6
    only = client.get(path, params={"format": "svg", "filter": '{"kind": "cat"}'}).text
    assert only.count("<image") == 3 and only.count("<circle") == 3
    worst = client.get(path, params={"format": "svg", "ids": "cat/0,cup/0"}).text
    assert worst.count("<image") == 2
    run = client.post("/metrics/runs", json={"labels": ["cat", "cup"]}).json()["id"]
    rows = {
        "truth": [name[:3] for name in CROPS],
        "predictions": ["cat"] * 4 + ["cup"] * 2,
        "ids": list(CROPS),
    }
    assert client.put(f"/metrics/runs/{run}/chunks/all", json=rows).status_code < 300
    wrong = client.get(path, params={"format": "svg", "run": run}).text
    assert wrong.count("<image") == 1 and wrong.count("<circle") == 5
    assert client.get(f"{path}?run=none").json()["code"] == "unknown_run"


# What is refused


def test_wrong_requests_say_what_to_do(client: TestClient, iris: str) -> None:
    made(client, "empty", dim=4)
    made(client, "half", dim=2, dtype="float16")
    refused = [
        ("/collections/none/neighbors", {"id": "x"}, 404, "unknown_collection", "PUT /collections"),
        (f"{iris}/neighbors", {"id": "x"}, 404, "unknown_item", "no item"),
        (f"{iris}/neighbors", {"vector": [1, 2]}, 422, "invalid_vectors", "have 2 values"),
        (f"{iris}/neighbors", {}, 400, "empty_body", "`vector`"),
        (f"{iris}/neighbors", {"id": "i1", "vector": [1]}, 422, "conflicting_parameter", "one of"),
        (f"{iris}/neighbors", {"id": "i1", "k": 151}, 422, "invalid_parameter", "150 at most"),
        (f"{iris}/neighbors", {"id": "i1", "space": "pixels"}, 409, "too_few_items", "thumbnail"),
        (f"{iris}/neighbors", {"id": "i1", "filter": {"a": []}}, 422, "invalid_parameter", "a"),
        (f"{iris}/neighbors", {"id": "i1", "filter": {"species": "rose"}}, 409, "too_few_items",
         "widen the filter"),
        (f"{iris}/neighbors", {"id": "i1", "nearest": 3}, 422, "unknown_parameter", "nearest"),
        ("/collections/empty/neighbors", {"vector": [1, 2, 3, 4]}, 409, "too_few_items", "empty"),
        ("/collections/empty/clusters", {}, 409, "too_few_items", "add items"),
        ("/collections/empty/projection", {}, 409, "too_few_items", "add items"),
        (f"{iris}/clusters", {"k": 151}, 422, "invalid_parameter", "150"),
        (f"{iris}/projection", {"perplexity": 51}, 422, "invalid_parameter", "lower it to 50"),
        (f"{iris}/projection", {"method": "tsn"}, 422, "invalid_parameter", "Did you mean tsne"),
        (f"{iris}/projection", {"method": "pca", "perplexity": 5}, 422, "unknown_parameter", "pe"),
        (f"{iris}/disagreements", {"by": "kind"}, 409, "too_few_items", "widen"),
        (f"{iris}/items", {"vectors": [[1, 2, 3]]}, 422, "invalid_vectors", "have 3 values"),
        (f"{iris}/items", {"vectors": [["a"]]}, 422, "invalid_vectors", "rows of numbers"),
        (f"{iris}/items", {"vectors": [[1, 2, 3, 1e39]]}, 422, "invalid_vectors", "not finite"),
        (f"{iris}/items", {"vectors": 5}, 422, "invalid_parameter", "list of rows"),
        (f"{iris}/items", {"vectors": [[1, 2, 3, 4]], "ids": ["a", "b"]}, 422, "invalid_parameter",
         "one for each"),
        (f"{iris}/items", {"vectors": [[1, 2, 3, 4]], "ids": [""]}, 422, "invalid_parameter", "id"),
        (f"{iris}/items", {"vectors": [[1, 2, 3, 4]], "ids": ["a/thumbnail"]}, 422,
         "invalid_parameter", "thumbnail"),
        (f"{iris}/items", {"vectors": [[1, 2, 3, 4]], "metadata": [{"a": []}]}, 422,
         "invalid_parameter", "Metadata"),
        (f"{iris}/items", {"images": [{"data": "AAAA"}]}, 422, "invalid_parameter", "no model"),
        ("/collections/half/items", {"vectors": [[1, 1e6]]}, 422, "invalid_vectors", "float32"),
    ]  # fmt: skip
    for path, body, status, code, phrase in refused:
        reply = client.post(path, json=body)
        assert (reply.status_code, reply.json()["code"]) == (status, code), (path, body, reply.text)
        assert phrase in reply.json()["detail"], (path, body, reply.json()["detail"])


def test_wrong_vectors_in_bytes_are_refused(client: TestClient, iris: str) -> None:
    good = np.arange(4, dtype="<f4")
    for change in ({"dtype": "int8"}, {"shape": [2, 4]}, {"data": "?"}, {"shape": None}):
        array = {"shape": [1, 4], "dtype": "float32", "data": base64.b64encode(good).decode()}
        reply = client.post(f"{iris}/items", json={"vectors": {**array, **change}})
        assert (reply.status_code, reply.json()["code"]) == (422, "invalid_vectors"), change


def test_wrong_collections_are_refused(client: TestClient) -> None:
    layer = client.put("/collections/x", json={"layer": "blocks.99"})
    assert (layer.status_code, layer.json()["code"]) == (422, "unknown_layer")
    model = client.put("/collections/x", json={"model": "imagenet-lite"})
    assert (model.status_code, model.json()["code"]) == (404, "unknown_model")
    assert client.put("/collections/-x", json={}).status_code == 422
    assert client.get("/collections/x").status_code == 404


def test_a_changed_model_is_told(client: TestClient, crops: str, app: Any) -> None:
    made(client, "former")
    stores = app.state.services.collections.stores
    from dataclasses import replace

    there = stores.collections.get("former")
    stores.collections.delete("former")
    stores.collections.make("former", replace(there.properties, model_version="0"))
    for path in ("items", "neighbors"):
        reply = client.post(f"/collections/former/{path}", content=CROPS["cat/0"])
        assert (reply.status_code, reply.json()["code"]) == (409, "model_changed"), reply.text
        assert "embed the images anew" in reply.json()["detail"]


def test_patches_over_a_collection_name_its_items(client: TestClient, crops: str) -> None:
    made(client, "seen", keep_images=True)
    files = [("file", (name, data)) for name, data in CROPS.items()]
    form = {"ids": json.dumps(list(CROPS)), "metadata": '{"from": "tests"}'}
    assert client.post("/collections/seen/items", files=files, data=form).status_code == 200
    client.delete("/collections/seen/items/cat/0")
    body = {"layer": "blocks.2", "units": [0, 16], "k": 2, "filter": {"from": "tests"}}
    found = client.post("/collections/seen/patches", json=body).json()
    assert found["ids"] == list(CROPS)[1:]
    alone = client.post(
        "/patches",
        files=files[1:],
        params={"layer": "blocks.2", "units": "0,16", "k": 2},
    ).json()
    values = [
        [(patch["image"], round(patch["value"], 3)) for unit in reply["result"]["units"]
         for patch in unit["patches"]]
        for reply in (found, alone)
    ]  # fmt: skip
    assert values[0] == values[1]
    sheet = client.post("/collections/seen/patches?format=png&layer=blocks.2&units=0&k=1")
    assert sheet.headers["content-type"] == "image/png"
    refused = client.post(f"{crops}/patches", json={"units": [0]})
    assert refused.status_code == 422 and "keep_images" in refused.json()["detail"]
