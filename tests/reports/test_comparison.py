"""A comparison as a page and as a table, hostile names among its ids."""

from __future__ import annotations

import csv
import io
from html.parser import HTMLParser
from typing import Any

import pytest

from brightfield.images.limits import Limits
from brightfield.metrics import catalog
from brightfield.metrics.chunks.chunk import RunChunks
from brightfield.metrics.evaluation import DataLimits, RunPair
from brightfield.metrics.statistics.confidence import Confidence
from brightfield.progress import no_progress
from brightfield.reports.comparison import render_comparison

LIMITS = DataLimits(Limits(10**7), 10**7)
HOSTILE = "<script>x</script>"


def compared(task: str, data: list[dict[str, Any]], **options: Any) -> dict[str, Any]:
    evaluation = catalog()[task](**options)
    parts = []
    for own in data:
        chunk = evaluation.chunk(own, LIMITS, no_progress)
        payload = "1", chunk.media_type, chunk.payload
        parts.append(RunChunks({"1": chunk.rows}, chunk.frame, [payload]))
    both = RunPair(*parts, LIMITS, no_progress)
    named = {
        "task": task,
        "a": {"id": "run_1", "name": HOSTILE},
        "b": {"id": "run_2", "name": None},
    }
    return {**named, **evaluation.against(evaluation, both, Confidence(resamples=50))}


def classes() -> dict[str, Any]:
    truth = [0, 1, 2, 0, 1, 2] * 5
    ids = [f"={n}" for n in range(30)]
    predictions = [truth, [0] * 15 + truth[15:]]
    data = [{"truth": truth, "predictions": own, "ids": ids} for own in predictions]
    return compared("classification", data, labels=["a", HOSTILE, "c"])


def masks() -> dict[str, Any]:
    full, none, some = ({"array": [own] * 4} for own in ([1, 1, 0], [0, 0, 0], [1, 0, 0]))
    predictions = [(full, some, full), (none, full, some)]
    data = [
        {
            "pairs": [
                {"id": f"{HOSTILE}{n}", "truth": full, "prediction": mask}
                for n, mask in enumerate(own)
            ]
        }
        for own in predictions
    ]
    return compared("segmentation", data)


@pytest.mark.parametrize("make", [classes, masks])
def test_the_table_has_every_number_of_the_comparison(make: Any) -> None:
    found = make()
    text = render_comparison(found, "csv").content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    parts = [found["metrics"], found.get("pooled", {})]
    parts += [own["metrics"] for own in found.get("per_class", ())]
    assert len(rows) == sum(map(len, parts))
    by_name = {row["metric"]: row for row in rows if row["scope"] == "all"}
    for name, entry in found["metrics"].items():
        row = by_name[name]
        assert row["difference"] == (
            "" if entry["difference"] is None else str(entry["difference"])
        )
        assert row["p_value"] == ("" if entry["p_value"] is None else str(entry["p_value"]))
        assert int(row["lacking_b"]) == entry["lacking_b"]["n"]


class Page(HTMLParser):
    """The texts of a page, and its tags."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_says_what_differs_and_what_a_run_lacks() -> None:
    page = Page(render_comparison(masks(), "html").content.decode())
    assert "script" not in page.tags
    assert "In both3 pairs" in "".join(page.text.split("\n"))
    assert "no value in run b" in page.text
    assert "1 without a value in one run" in page.text
    assert "exchange test" in page.text
    named = Page(render_comparison(classes(), "html", "Two nets").content.decode())
    assert "Two nets" in named.text
    assert "McNemar's exact test" in named.text
