from __future__ import annotations

import io

import httpx2
import numpy as np
import pytest


@pytest.fixture
def healthy(fake, enveloped):
    replies = {
        "/livez": {"version": "0.1.0"},
        "/readyz": {},
        "/models": {"models": [{"id": "tiny", "task": "classify"}]},
        "/classify": enveloped({"predictions": [{"label": "moon", "class_id": 1, "score": 0.75}]}),
    }
    fake.reply = lambda request: httpx2.Response(200, json=replies[request.url.path])
    return replies


def test_all_is_well(client, fake, healthy, capsys):
    report = client.doctor()
    assert report
    assert [check.name for check in report.checks] == ["service", "ready", "models", "sample image"]
    assert capsys.readouterr().out == f"{report}\n"
    assert "moon 0.75" in str(report)
    sample = np.load(io.BytesIO(fake.last.content))
    assert (sample.shape, sample.dtype) == ((224, 224, 3), np.uint8)


def test_a_fault_is_told_and_the_rest_goes_on(client, healthy):
    healthy["/models"] = {"models": []}
    healthy["/classify"] = {"result": {}}
    shown = []
    report = client.doctor(shown.append)
    assert not report
    assert [check.ok for check in report.checks] == [True, True, False, False]
    assert shown == str(report).splitlines()


def test_nobody_there_ends_it(client, fake, pauses, capsys):
    def refuse(request):
        raise httpx2.ConnectError("refused", request=request)

    fake.reply = refuse
    report = client.doctor(None)
    assert [check.ok for check in report.checks] == [False]
    assert capsys.readouterr().out == ""
