"""`client.metrics`: what it sends, and what comes back from the real service."""

from __future__ import annotations

import asyncio
import io
import json
import math

import httpx2
import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from brightfield_client import (
    AsyncClient,
    Client,
    Evaluation,
    UnexpectedReply,
    UnprocessableError,
)

TRUTH, SCORES = [0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]
FAST = {"method": "none"}


@pytest.fixture(scope="module")
def real(service_url):
    with Client(service_url) as made:
        yield made


def test_arrays_go_as_npz_and_options_in_the_query(client, fake):
    fake.reply = lambda _: httpx2.Response(200, json={})
    with pytest.raises(UnexpectedReply, match="valid evaluation"):
        client.metrics(
            ["a", None], [0.25, None], ids=[7, 8], labels=("a", "b, c"), ci=FAST, threshold=0.5
        )
    sent = np.load(io.BytesIO(fake.last.content))
    assert sent["truth"].tolist() == ["a", ""]
    assert sent["score"][0] == 0.25 and math.isnan(sent["score"][1])
    assert sent["id"].tolist() == [7, 8]
    assert dict(fake.last.url.params) == {
        "labels": '["a", "b, c"]', "ci": '{"method": "none"}', "threshold": "0.5"
    }  # fmt: skip
    assert fake.last.headers["content-type"] == "application/x-npz"


def test_columns_beside_groups_give_numbers_of_parts(real):
    columns = {"group": ["p", "p", "q", "q"], "site": ["A", "B", "A", "B"]}
    found = real.metrics(TRUTH, SCORES, groups=columns, by="site", ci=FAST)
    assert [(part.value, part.n) for part in found.by] == [("A", 2), ("B", 2)]
    mask = np.eye(4, dtype=np.uint8)
    options = {"task": "segmentation", "by": "site", "ci": FAST}
    found = real.metrics([mask] * 4, predictions=[mask] * 4, groups=columns, **options)
    assert found.by[1].pooled["dice"].value == 1


def test_classification(real):
    found = real.metrics(TRUTH, SCORES, operating_point="youden", ci={"level": 0.9})
    assert found["auroc"].value == 0.75
    assert (found["auroc"].method, found["auroc"].clipped) == ("delong", False)
    assert found.operating_point["threshold"] == 0.35
    assert found.warnings[0].code == "threshold_from_same_data"
    assert found.confusion["counts"] == [[1, 1], [0, 2]]
    assert found.curve("roc")["fpr"].tolist() == [0, 0, 0.5, 0.5, 1]
    assert math.isnan(found.curve("roc")["thresholds"][0])
    assert str(found["auroc"]).startswith("0.750 (0.")
    assert "auroc" in found._repr_html_()


def test_missing_values_and_labels(real):
    labels = ["no", "b, c"]
    found = real.metrics(["no", None, "b, c"], [0.2, 0.3, 0.9], labels=labels, ids=["x", "y", "z"])
    assert found.excluded == ({"row": 1, "id": "y", "reason": "missing_truth"},)
    assert found["auroc"].value == 1
    with pytest.raises(UnprocessableError, match="row 1") as caught:
        real.metrics(["no", "yes"], [0.1, 0.2], labels=labels)
    assert caught.value.code == "invalid_rows"


def test_several_classes_as_a_table(real):
    pytest.importorskip("pandas")
    scores = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.6, 0.3, 0.1]])
    table = real.metrics([0, 1, 1], scores, labels="abc", ci=FAST).to_pandas()
    own = table[(table.scope == "b") & (table.metric == "sensitivity")].iloc[0]
    assert (own.value, own.n) == (0.5, 2)
    absent = table[(table.scope == "c") & (table.metric == "auroc")].iloc[0]
    assert absent.undefined == "no_positives" and math.isnan(absent.value)
    assert {"auroc_macro", "accuracy"} <= set(table[table.scope == "all"].metric)


def test_masks_of_every_kind(real, tmp_path):
    mask = np.eye(12, dtype=bool)
    Image.fromarray(mask.astype(np.uint8)).save(tmp_path / "mask.png")
    encoded = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    kinds = [mask, mask.astype(np.int32), tmp_path / "mask.png", Image.fromarray(mask), encoded,
             {"array": mask.astype(int).tolist()}]  # fmt: skip
    truth = [*([mask] * len(kinds)), None]
    names = [f"m{i}" for i in range(len(truth))]
    found = real.metrics(truth, predictions=[*kinds, mask], task="segmentation", ids=names)
    assert found["dice"].value == found.pooled["iou"].value == 1
    assert found.excluded == ({"row": 6, "id": "m6", "reason": "missing_image"},)
    assert found.raw["cases"][0]["id"] == "m0"
    with pytest.raises(ValueError, match="2 truths and 1 predictions"):
        real.metrics([mask, mask], predictions=[mask], task="segmentation")


def test_images_and_detections(real):
    image = np.full((16, 16), 100, np.uint8)
    found = real.metrics([image], predictions=[image + np.uint8(50)], task="restoration", ci=FAST)
    assert found["ssim"].value == pytest.approx(0.923092310531, abs=1e-12)
    box = np.array([1.0, 2, 30, 40])
    truth = {"images": [{"id": np.int64(4)}], "categories": [{"id": 1, "name": "cell"}]}
    truth["annotations"] = [{"id": 1, "image_id": 4, "category_id": 1, "bbox": box}]
    results = [{"image_id": 4, "category_id": 1, "bbox": box, "score": np.float32(0.5)}]
    found = real.metrics(truth, predictions=results, task="detection", iou_type="bbox")
    assert found["ap"].value == pytest.approx(1)
    assert found.per_class[0].label == "cell"
    assert found.curve("pr")["precision"].shape == (10, 101)
    with pytest.raises(ValueError, match="are for classes"):
        real.metrics(truth, [0.5], task="detection")


def test_asyncio(service_url):
    async def ask():
        async with AsyncClient(service_url) as client:
            return await client.metrics(
                TRUTH * 3, predictions=[0, 1, 1, 1] * 3, groups=list("abcdef") * 2
            )

    found = asyncio.run(ask())
    assert found["accuracy"].value == 0.75
    assert found["auroc"].undefined == "no_scores"
    assert found["accuracy"].method == "t"


def test_reports_are_asked_for_again(real, tmp_path):
    found = real.metrics(TRUTH, SCORES, ci=FAST)
    page = found.to_html("Smears & more")
    assert page.startswith("<!doctype html>") and "<h1>Smears &amp; more</h1>" in page
    assert found.save(tmp_path / "report.html").read_text().count("<figure") > 2
    table = found.save(tmp_path / "report.csv").read_text("utf-8-sig").splitlines()
    assert table[1].startswith("all,,auroc,0.75,")
    assert found.save(tmp_path / "counts.csv", table="confusion").read_text().count("\n") == 3
    assert found.picture("roc").width > 500
    assert "<svg" in found.save(tmp_path / "roc.svg", plot="roc").read_text()
    assert found.save(tmp_path / "pr.png", plot="pr").read_bytes().startswith(b"\x89PNG")
    assert json.loads(found.save(tmp_path / "all.json").read_text()) == dict(found.raw)
    with pytest.raises(UnprocessableError, match="It has roc, pr, threshold, confusion"):
        found.picture("cases")
    with pytest.raises(ValueError, match=r"saved as \.html"):
        found.save(tmp_path / "report.pdf")


def test_reports_of_documents_are_asked_for_again(real):
    mask = np.eye(12, dtype=bool)
    found = real.metrics([mask], predictions=[mask], task="segmentation", ci=FAST)
    assert b"Dice" in found.again("svg").content
    with pytest.raises(ValueError, match="no longer knows its question"):
        Evaluation.from_json(found.raw).to_html()
