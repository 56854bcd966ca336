"""Every change leaves a line that says who, and no line has a key."""

from __future__ import annotations

import logging

import pytest

from ..conftest import COFFEE, png
from .conftest import Lab


def test_every_change_leaves_a_line_and_no_line_has_a_key(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    keys = {name: lab.key(name) for name in ("read", "write", "admin", "models")}
    body = {"dim": 3}
    caplog.set_level(logging.DEBUG)
    caplog.clear()  # adding keys leaves lines, too, wherever an earlier test has turned them on
    asked = {"X-Request-ID": "audit-1"}
    lab.ask("PUT", "/collections/audited", keys["write"], json=body, headers=asked)
    lab.ask("PUT", "/collections/audited", keys["read"], json=body)
    lab.ask("PUT", "/collections/audited", json=body)
    lab.ask("DELETE", "/collections/gone", keys["admin"])
    lab.ask("POST", "/models/nothing/load", keys["models"])
    lab.ask("GET", "/collections/audited", keys["read"])
    lab.ask("POST", "/classify", keys["read"], content=png(COFFEE[:8, :8]), params={"model": "no"})
    lab.ask("GET", "/models", keys["read"] + "x")
    told = [each for each in caplog.records if each.name == "brightfield.audit"]
    facts = [(e.key_name, e.action, e.object, e.outcome, e.status) for e in told]  # type: ignore[attr-defined]
    assert facts == [
        ("write", "put_collection", "/collections/audited", "done", 201),
        ("read", "put_collection", "/collections/audited", "refused", 403),
        (None, "put_collection", "/collections/audited", "refused", 401),
        ("admin", "delete_collection", "/collections/gone", "refused", 404),
        ("models", "load_model", "/models/nothing/load", "refused", 404),
    ]
    assert told[0].project == "default"  # type: ignore[attr-defined]
    written = "\n".join(f"{each.getMessage()} {vars(each)}" for each in caplog.records)
    assert not any(key.rpartition("_")[2] in written for key in keys.values())
