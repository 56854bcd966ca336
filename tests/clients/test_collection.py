"""Collections from Python, against the real application."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image

from brightfield_client import AsyncClient, Client, ConflictError, NotFoundError
from brightfield_client.adding import path_id
from brightfield_client.cli import main
from brightfield_client.collection import in_batches, named


@pytest.fixture(scope="module")
def service(service_url):
    with Client(service_url, timeout=120) as client:
        yield client


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("crops")
    found = []
    for name, pixels in (("cat", skimage.data.chelsea()), ("cup", skimage.data.coffee())):
        (folder / name).mkdir()
        for x in (0, 100, 200):
            path = folder / name / f"{x}.png"
            Image.fromarray(pixels[:96, x : x + 96]).save(path)
            found.append(path)
    return found


@pytest.fixture
def crops(service, paths):
    collection = service.collection("sdk-crops")
    collection.make()
    collection.add(
        paths,
        ids=[f"{path.parent.name}/{path.stem}" for path in paths],
        metadata=lambda path: {"kind": path.parent.name},
    )
    yield collection
    collection.delete()


def test_images_are_added_once_and_found_again(crops, paths, service):
    names = [f"{path.parent.name}/{path.stem}" for path in paths]
    again = crops.add(paths, ids=names, metadata=lambda path: {"kind": path.parent.name})
    assert [each.outcome for each in again] == ["unchanged"] * 6
    found = crops.neighbors(paths[4], k=6, filter={"kind": "cup"})
    assert found[0].id == "cup/100" and len(found) == 3 and found.exact
    assert found.ids == [each.id for each in found]
    assert crops.neighbors(id="cup/100", space="pixels", k=2).metric == "euclidean"
    assert crops.neighbors(vector=np.ones(1280), k=1).searched == 6
    assert "sdk-crops" in [each.name for each in service.collections()]
    assert crops.info().dim == 1280
    assert Image.open(io.BytesIO(crops.thumbnail("cat/0").content)).size == (96, 96)


def test_a_map_is_made_drawn_and_asked_for_again(crops, tmp_path):
    made = crops.project("tsne", iterations=50)
    assert made.points.shape == (6, 2) and len(made.ids) == 6
    assert made.picture(size=200).width < made.picture("kind", size=200).width  # the colours' key
    drawn = made.save(tmp_path / "map.svg", by="kind", ids=["cat/0"]).read_text()
    assert drawn.startswith("<svg") and "t-SNE of 6 items, perplexity" in drawn
    clustered = made.save(tmp_path / "clusters.svg", clusters=2).read_text()
    assert ">cluster 0 (" in clustered and ">k-means, k = 2<" in clustered
    axes = crops.project("pca").save(tmp_path / "pca.svg").read_text()
    assert ">PC 1 (" in axes and "% of the variance)<" in axes
    crops.add_vectors(np.ones((1, 1280)), ["new"])
    again = crops.projection(made.id)
    assert again.placed == ("new",)
    np.testing.assert_array_equal(again.points[:6], made.points)
    assert made.save(tmp_path / "map.csv").read_text().count("\n") == 7
    assert made.id in [each["id"] for each in crops.projections()]


def test_clusters_and_what_looks_wrong(crops):
    found = crops.clusters(2, seed=1)
    assert "<td>0</td>" in found._repr_html_() and "<th>items</th>" in found._repr_html_()
    assert sum(found.sizes) == 6 and len(found.labels) == 6
    assert set(found.members[0]) | set(found.members[1]) == set(found.ids)
    assert crops.duplicates(0.0)["groups"] == []
    assert len(crops.duplicates(2.0)["groups"][0]) == 6
    assert len(crops.outliers(3)["outliers"]) == 3
    assert crops.disagreements("kind", k=3)["n"] == 6


def test_a_concept_is_tested_in_images_and_their_facts_are_typed(crops):
    noise = np.random.default_rng(0).normal(size=(18, 1280))
    kinds = [{"kind": "odd" if place < 6 else "even"} for place in range(18)]
    crops.add_vectors(noise, [f"noise/{place}" for place in range(18)], kinds)
    image = np.zeros((64, 64, 3), np.uint8)
    found = crops.tcav("espresso", {"kind": "odd"}, [image], random={"kind": "even"}, runs=3)
    assert (found.n, found.runs, found.size, found.concept.items) == (1, 3, 6, 6)
    assert 0 <= found.concept.score <= 1 and len(found.random.accuracies) == 3
    assert "few_inputs" in [each.code for each in found.warnings]
    with pytest.raises(ConflictError, match="too few items"):
        crops.tcav("espresso", {"kind": "none"}, [image])


def test_items_are_listed_and_removed(crops):
    assert crops.items(filter={"kind": "cat"})["total"] == 6
    assert crops.remove(["cat/0", "cup/0"]) == 2
    assert crops.remove(filter={"kind": "cat"}) == 2
    assert [each["id"] for each in crops.items()["items"]] == ["cup/100", "cup/200"]


def test_a_bad_image_fails_alone(crops, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no image")
    added = crops.add([tmp_path / "bad.png", np.zeros((40, 40), np.uint8), tmp_path / "none.png"])
    assert [each.outcome for each in added] == ["failed", "added", "failed"]
    assert added[0].error.code == "unknown_format" and "none.png" in str(added[2].error)
    assert added[1].id.startswith("sha256:")


def test_other_properties_and_unknown_names_raise(crops, service):
    with pytest.raises(ConflictError):
        crops.make(normalize=True)
    with pytest.raises(NotFoundError):
        service.collection("never").info()


def test_an_index_is_built_asked_and_dropped(postgres_service_url):
    with Client(postgres_service_url, timeout=120) as client:
        cells = client.collection("sdk-indexed")
        cells.make(dim=4)
        cells.add_vectors(np.eye(4), list("abcd"))
        made = cells.index(m=4, ef_construction=20)
        assert (made.m, made.indexed, made.waiting, made.recall) == (4, 4, 0, 1.0)
        assert cells.index_info() == made
        found = cells.neighbors(id="a", k=2, search="hnsw", ef_search=50)
        assert not found.exact and found.recall == 1.0 and len(found) == 2
        assert cells.neighbors(id="a", k=2).recall is None
        cells.drop_index()
        with pytest.raises(NotFoundError):
            cells.index_info()


def test_a_store_without_indexes_is_told(crops):
    with pytest.raises(ConflictError, match="exact"):
        crops.index()


def test_the_async_collection_does_the_same(service_url, paths):
    async def ask():
        async with AsyncClient(service_url, timeout=120) as client:
            collection = client.collection("sdk-async")
            await collection.make()
            added = await collection.add(paths, concurrency=2)
            made = await collection.project("pca")
            picture = await collection.plot(made.id, size=200)
            near = await collection.neighbors(id=added[0].id, k=2)
            await collection.delete()
            return added, made, picture, near

    added, made, picture, near = asyncio.run(ask())
    assert [each.outcome for each in added] == ["added"] * 6
    assert added[0].id == paths[0].as_posix().lstrip("/")
    assert made.points.shape == (6, 2) and picture.media_type == "image/png" and len(near) == 2
    with pytest.raises(ValueError, match="asynchronous client"):
        made.plot()


def test_images_go_in_requests_of_a_bounded_size():
    images = [np.full((10, 10), n, np.uint8) for n in range(40)]
    parts = list(in_batches(named(images, None, {"kind": "x"})))
    assert [len(part) for part in parts] == [16, 16, 8]
    assert {each.metadata["kind"] for part in parts for each in part} == {"x"}


def test_the_command_fills_a_collection(service_url, paths, capsys):
    folder = paths[0].parent.parent
    command = ["embed", str(folder), "--collection", "cli", "--label", "kind", "--url", service_url]
    assert main(command) == 0
    assert capsys.readouterr().out == "cli: 6 added; 6 items in all\n"
    Path(folder / "cat" / "bad.png").write_bytes(b"no image")
    assert main(command) == 1
    told = capsys.readouterr()
    assert told.out == "cli: 1 failed, 6 unchanged; 6 items in all\n"
    assert "unknown_format" in told.err
    Path(folder / "cat" / "bad.png").unlink()
    with Client(service_url) as client:
        kinds = client.collection("cli").items()["items"]
        client.collection("cli").delete()
    assert [each["metadata"]["kind"] for each in kinds] == ["cat"] * 3 + ["cup"] * 3


def test_patches_are_found_among_kept_images(service, paths):
    kept = service.collection("sdk-kept")
    kept.make(keep_images=True)
    added = kept.add(paths)
    found = kept.patches(layer="blocks.2", units=[0], k=2)
    assert found.raw["ids"] == [each.id for each in added]
    sheet = kept.patches(layer="blocks.2", units=[0], k=2, format="png")
    assert sheet.media_type == "image/png"
    kept.delete()


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("imgs/k1/a.png", "imgs/k1/a.png"),
        ("../imgs/k1/a.png", "imgs/k1/a.png"),
        ("/data/imgs/a.png", "data/imgs/a.png"),
        ("./x/../imgs//a.png", "imgs/a.png"),
        (Path("../../a b?.png"), "a b?.png"),
    ],
)
def test_the_id_of_a_path_is_never_another_address(path, name):
    assert path_id(path) == name


def test_the_command_embeds_a_collection_anew_or_not_at_all(
    service, service_url, tmp_path, monkeypatch, capsys
):
    folder, elsewhere = tmp_path / "imgs", tmp_path / "work"
    elsewhere.mkdir()
    for kind, value in (("k1", 20), ("k2", 200)):
        (folder / kind).mkdir(parents=True)
        Image.new("RGB", (32, 32), (value, 0, 0)).save(folder / kind / "a b#?.png")
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("BRIGHTFIELD_URL", service_url)
    cells = service.collection("anew")
    assert main(["embed", "../imgs", "--collection", "anew", "--label", "kind"]) == 0
    before = cells.info().raw
    listed = cells.items()["items"]
    assert [item["id"] for item in listed] == ["imgs/k1/a b#?.png", "imgs/k2/a b#?.png"]
    assert cells.thumbnail("imgs/k1/a b#?.png").media_type == "image/jpeg"

    assert main(["reembed", "anew", "../imgs/k1"]) == 2
    assert "1 of the 2 items of anew have no image" in capsys.readouterr().err
    (folder / "k3").mkdir()
    (folder / "k3" / "new.png").write_bytes(b"not in the collection, so never read")
    assert cells.info().raw == before
    bad = folder / "k2" / "a b#?.png"
    good = bad.read_bytes()
    bad.write_bytes(b"bad")
    assert main(["reembed", "anew", "../imgs"]) == 1
    assert cells.info().raw == before
    bad.write_bytes(good)
    assert main(["reembed", "anew", "../imgs"]) == 0
    assert "2 items embedded anew" in capsys.readouterr().out
    after = cells.info().raw
    assert after["created"] != before["created"] and after["items"] == 2
    assert sorted(cells.items()["items"], key=str) == sorted(listed, key=str)
    assert "anew.reembed" not in [each.name for each in service.collections()]
    cells.delete()


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_name_that_no_quoting_helps_is_refused_before_it_is_sent(service, name):
    with pytest.raises(ValueError, match="can't be a name"):
        service.collection(name).delete()
