"""Writes settings.md: every setting with its default and its meaning, as the code has them.

python docs/settings.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from brightfield.settings import Settings

TARGET = Path(__file__).with_suffix(".md")
_HEAD = """# Settings

Each setting is an environment variable and a flag of `brightfield serve`, for example
`BRIGHTFIELD_MAX_BYTES` and `--max-bytes`. A flag wins over a variable. Sizes take units, such as
`8GiB` or `500MB`; durations are in seconds. `brightfield serve --help` lists the same. This page is
written by `docs/settings.py`.

| variable | default | meaning |
|---|---|---|
"""
_UNITS = ((2**30, "GiB"), (2**20, "MiB"))
_DATA = "~/.local/share/brightfield"


def text() -> str:
    """The page, one row per setting in the order of the class."""
    rows = (
        f"| `BRIGHTFIELD_{name.upper()}` | {_default(name, field)} | {field.description} |\n"
        for name, field in Settings.model_fields.items()
    )
    return _HEAD + "".join(rows)


def _default(name: str, field: Any) -> str:
    if name == "data":
        return f"`{_DATA}`"
    value = field.default
    if value in (None, ""):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if "bytes" in name:
        return next(f"`{value // size}{unit}`" for size, unit in _UNITS if value % size == 0)
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
