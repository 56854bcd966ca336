from __future__ import annotations

import json

import httpx2

from brightfield_client.cli import main

CARD = {
    "id": "tiny",
    "version": "1",
    "task": "classify",
    "state": "loaded",
    "licence": "MIT",
    "labels": [{"name": f"class {n}"} for n in range(12)],
    "quality": [{"data": "cells", "split": "val", "metric": "accuracy", "value": 0.9}],
}


def test_list(fake, capsys):
    fake.reply = lambda _: httpx2.Response(200, json={"models": [CARD]})
    assert main(["models", "list"]) == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["id", "version", "task", "state", "licence"],
        ["tiny", "1", "classify", "loaded", "MIT"],
    ]
    assert main(["models", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [CARD]


def test_show_load_unload(fake, capsys):
    fake.reply = lambda _: httpx2.Response(200, json=CARD)
    for action, path in (
        ("show", "GET /models/tiny"),
        ("load", "POST /models/tiny/load"),
        ("unload", "POST /models/tiny/unload"),
    ):
        assert main(["models", action, "tiny"]) == 0
        assert f"{fake.last.method} {fake.last.url.path}" == path
        out = capsys.readouterr().out
        assert "12: class 0, class 1" in out
        assert "accuracy 0.9 on cells val" in out
