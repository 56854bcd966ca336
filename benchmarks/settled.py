"""Waiting until a service has nothing of its own to do: until its models are loaded and settled."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import Any

_LOOK = 0.5
_TRYING = "waiting", "preparing"


def wait_until_settled(base: str, patience: float = 300.0) -> dict[str, str]:
    """By what each model in memory is run, as `openvino fp32`, once the default models are loaded
    and nothing is tried any more. Raises `TimeoutError`."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        found = _accelerations(base) if _ready(base) else {}
        if found and all(each["progress"] not in _TRYING for each in found.values()):
            return {name: f"{each['backend']} {each['precision']}" for name, each in found.items()}
        time.sleep(_LOOK)
    raise TimeoutError(f"{base} didn't settle within {patience:.0f} s")


def _ready(base: str) -> bool:
    try:
        with urllib.request.urlopen(f"{base}/readyz") as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


def _accelerations(base: str) -> dict[str, dict[str, Any]]:
    resident = [
        each["id"] for each in read(f"{base}/models")["models"] if each["state"] == "resident"
    ]
    told = {name: read(f"{base}/models/{name}")["acceleration"] for name in resident}
    return {name: each for name, each in told.items() if each is not None}


def read(url: str) -> Any:
    """What a service answers, read as JSON."""
    with urllib.request.urlopen(url) as reply:
        return json.loads(reply.read())
