"""Writes openapi.json: every endpoint and parameter, as the service itself describes them.

    python docs/openapi.py

No model is loaded. The same code gives the same bytes.

Clients with typed parameters are made from the document; beside JSON Schema it has for them

- `x-python-type` in a parameter's schema: the Python type of a value that a query writes as text,
  as `int | Sequence[int]` for `32` and `32,48` (`Any`, `Mapping`, `Sequence` are those of `typing`
  and `collections.abc`). Without it the type follows from the schema: its `enum` are literals;
- `contentMediaType: application/json`: the text is JSON, of the `contentSchema`;
- `x-belongs-to` in a parameter: the only methods (of POST /metrics: tasks) that have it;
- `x-events` in the schema of a stream of events: the schema of each event's data, by its name.
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
