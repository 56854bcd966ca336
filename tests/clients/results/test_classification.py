from __future__ import annotations

import httpx2
import numpy as np
import pytest

from brightfield_client import UnexpectedReply
from brightfield_client.results.classification import Classification

PREDICTIONS = [
    {"label": "<cat>", "class_id": 3, "score": 0.9},
    {"label": "dog", "class_id": 5, "score": 0.1},
]


def test_facts_predictions_and_unknown_keys(client, fake, enveloped):
    body = enveloped({"predictions": PREDICTIONS, "mood": "good"}) | {"new": 1}
    fake.reply = lambda _: httpx2.Response(200, json=body)
    answer = client.classify(b"x")
    assert [(p.label, p.class_id, p.score) for p in answer] == [("<cat>", 3, 0.9), ("dog", 5, 0.1)]
    assert (answer.id, answer.task, answer.batch_size) == ("req_1", "classify", 2)
    assert (answer.model.id, answer.model.version, answer.model.sha256) == ("tiny", "1", "ab")
    assert (answer.image["width"], answer.timing_ms["forward"]) == (4, 1.5)
    assert answer.warnings[0].code == "alpha_dropped"
    assert (answer.raw["new"], answer.raw["result"]["mood"]) == (1, "good")
    assert answer.map is None
    with pytest.raises(AttributeError):
        answer.id = "other"


def test_a_probability_map(enveloped, encoded):
    area = np.random.default_rng(0).random((2, 3, 4), np.float32)
    result = {"predictions": PREDICTIONS, "map": {"labels": ["a", "b"], **encoded(area)}}
    answer = Classification.from_json(enveloped(result))
    np.testing.assert_array_equal(answer.map, area)
    assert answer.map_labels == ("a", "b")


def test_nothing_over_the_threshold(enveloped):
    answer = Classification.from_json(enveloped({"predictions": []}))
    assert (answer.top, len(answer)) == (None, 0)


def test_tables(enveloped):
    answer = Classification.from_json(enveloped({"predictions": PREDICTIONS}))
    frame = answer.to_pandas()
    assert frame.to_dict("list") == {
        "label": ["<cat>", "dog"],
        "class_id": [3, 5],
        "score": [0.9, 0.1],
    }
    html = answer._repr_html_()
    assert "&lt;cat&gt;" in html
    assert "<cat>" not in html


@pytest.mark.parametrize(
    "result", [{}, {"predictions": [{"label": "cat"}]}, {"predictions": 3}, None]
)
def test_a_reply_of_another_kind_is_named_as_one(enveloped, result):
    with pytest.raises(UnexpectedReply, match="classification"):
        Classification.from_json(enveloped(result))


def test_a_missing_package_is_named_with_its_extra(enveloped, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    answer = Classification.from_json(enveloped({"predictions": PREDICTIONS}))
    with pytest.raises(ImportError, match=r"brightfield\[notebook\]"):
        answer.to_pandas()
