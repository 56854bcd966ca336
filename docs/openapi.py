"""Writes openapi.json: every endpoint and parameter, as the service itself describes them.

    python docs/openapi.py

No model is loaded. The same code gives the same bytes.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from brightfield.api.app import create_app
from brightfield.settings import Settings

HERE = Path(__file__).parent
TARGET = HERE / "openapi.json"


def document() -> dict[str, Any]:
    """The document of the service, under the version of the source."""
    project = tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))
    with TemporaryDirectory() as folder:
        app = create_app(Settings(data=Path(folder), models="", device="cpu"))
        try:
            described: dict[str, Any] = app.openapi()
        finally:
            app.state.engine.close()
    described["info"]["version"] = project["project"]["version"]
    return described


def text() -> str:
    """The document as it is written, keys sorted."""
    return json.dumps(document(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
