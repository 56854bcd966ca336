from __future__ import annotations

import httpx2
import pytest

from brightfield_client import BadRequestError, ItemError, UnexpectedReply


@pytest.fixture
def batch(client, fake, enveloped):
    good = enveloped({"predictions": []})
    bad = {"error": {"status": 400, "code": "truncated_image", "detail": "It is cut."}}
    fake.reply = lambda _: httpx2.Response(207, json={"items": [good, bad, good]})
    return client.classify([b"1", b"2", b"3"])


def test_a_bad_image_stands_where_it_was_sent(batch):
    assert len(batch) == 3
    assert isinstance(batch[1], ItemError)
    assert (batch[1].index, batch[1].code, batch[1].detail) == (1, "truncated_image", "It is cut.")
    assert batch.errors == [batch[1]]
    assert batch.results == [batch[0], batch[2]]
    assert batch[::2] == (batch[0], batch[2])
    assert batch._repr_html_().count("<li>") == 3


def test_the_first_error_can_be_raised(batch):
    with pytest.raises(BadRequestError, match=r"It is cut\.") as caught:
        batch.raise_for_item()
    assert caught.value.__notes__ == ["image 1 of 3"]


def test_all_answers_when_none_failed(client, fake, enveloped):
    good = enveloped({"predictions": []})
    fake.reply = lambda _: httpx2.Response(200, json={"items": [good, good]})
    assert len(client.classify([b"1", b"2"]).raise_for_item()) == 2


def test_a_reply_without_items(client, fake):
    fake.reply = lambda _: httpx2.Response(200, json={"items": None})
    with pytest.raises(UnexpectedReply):
        client.classify([b"1"])
    with pytest.raises(ValueError, match="empty"):
        client.classify([])
