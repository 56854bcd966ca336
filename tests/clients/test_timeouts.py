"""A call may have a patience of its own: `timeout=` on everything that asks."""

from __future__ import annotations

import inspect
from functools import partial

import httpx2
import pytest

from brightfield_client import Job, UnavailableError
from brightfield_client.calls.call import GRACE
from brightfield_client.collection_methods import CollectionMethods
from brightfield_client.endpoint_methods import EndpointMethods


def test_every_call_may_have_a_patience_of_its_own(client, fake, tmp_path):
    fake.reply = lambda _: httpx2.Response(503, json={"code": "busy", "retryable": True})
    cells = client.collection("cells")
    asked = [
        partial(client.classify, b"x"),
        partial(client.ask, "patches", [b"x"]),
        partial(client.submit, "classify", b"x"),
        partial(client.models),
        partial(client.filters, "tiny"),
        partial(client.put_image, b"x"),
        partial(client.metrics, [0, 1], [0.2, 0.8]),
        partial(client.start_run, "june"),
        partial(client.add_chunk, "run_1", "a", [0, 1], [0.2, 0.8]),
        partial(client.run_points, "run_1"),
        partial(cells.info),
        partial(cells.clusters, 2),
        partial(cells.neighbors, b"x"),
        partial(cells.add_vectors, [[1.0]], ["a"]),
    ]
    for call in asked:
        fake.requests.clear()
        with pytest.raises(UnavailableError):
            call(timeout=0.25)  # a second try would come later than that
        (sent,) = fake.requests
        assert sent.extensions["timeout"]["read"] <= 0.25 + GRACE, call
        assert "timeout" not in sent.url.params and b"timeout" not in sent.content.lower()
    assert not client.live(timeout=0.25) and not client.ready(timeout=0.25)
    (item,) = client.map([b"x"], timeout=0.25, progress=False)
    assert isinstance(item.error, UnavailableError)
    with pytest.raises(ValueError, match="timeout is a finite number"):
        client.classify(b"x", timeout=0)


def test_every_method_that_asks_takes_a_timeout():
    methods = {**vars(EndpointMethods), **vars(CollectionMethods), **vars(Job)}
    asking = {
        name: method
        for name, method in methods.items()
        if inspect.isfunction(method) and not name.startswith("_")
    }
    lacking = {
        name for name, each in asking.items() if "timeout" not in inspect.signature(each).parameters
    }
    # Named by what they pass on; short questions about a job that is at hand.
    assert lacking == {"submit", "map", "refresh", "cancel"}
