"""The face of the package: what is public, and that neither import nor app start anything."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import brightfield
from brightfield import explain, tasks
from brightfield.api.app import create_app
from brightfield.settings import Settings

_FRESH = """
import json, sys
import brightfield
own = sorted(name for name in vars(brightfield) if not name.startswith("_"))
print(json.dumps([own, dir(brightfield), "torch" in sys.modules, "pydantic" in sys.modules]))
"""


def fresh(code: str) -> list[Any]:
    """What a new interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found: list[Any] = json.loads(done.stdout)
    return found


def test_all_is_exactly_the_public_surface() -> None:
    assert brightfield.__all__ == sorted(brightfield.__all__)
    assert all(hasattr(brightfield, name) for name in brightfield.__all__)
    own, shown, torch, pydantic = fresh(_FRESH)
    helpers = {"TYPE_CHECKING", "Any", "PackageNotFoundError", "import_module", "version"}
    assert set(own) <= helpers
    assert shown == brightfield.__all__
    assert not torch and not pydantic  # so that asking for the version is quick


def test_the_catalogs_have_their_members_by_the_names_of_their_classes() -> None:
    assert tasks.Classify is tasks.catalog()["classify"]
    assert explain.GradCam is explain.catalog()["grad_cam"]
    assert {"Classify", "Detect", "catalog"} <= set(dir(tasks))
    assert not hasattr(tasks, "Recolour") and not hasattr(explain, "_Sums")


def test_making_the_app_starts_no_thread(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    app = create_app(Settings(data=tmp_path, device="cpu", preload=False))
    app.openapi()
    assert set(threading.enumerate()) == before
    assert not app.state.engine.ready
