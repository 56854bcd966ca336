"""The package's `__init__`: what it shows to the outside."""

from __future__ import annotations

import re

from shapes import ANSWERS, BASES
from text import PACKAGE, head

# What the package shows besides all errors and all results.
EXPORTS = {
    "async_client": "AsyncClient",
    "async_collection": "AsyncCollection",
    "async_job": "AsyncJob",
    "calls.doctor": "Check, Report",
    "calls.jobs": "JobStatus",
    "client": "Client",
    "collection": "Collection",
    "evaluating.plan": "Evaluated",
    "following": "JobEvent",
    "images": "StoredImage",
    "in_process": "InProcess",
    "job": "Job",
    "mapping": "MapItem",
    "models": "Model",
}
INTERNAL = {
    "Asked",
    "Drawn",
    "Reported",
    "Found",
    "Heatmap",
    "InOneImage",
    "Listing",
    "NamedNumbers",
    "Point",
    "SolidPoint",
}
INTERNAL |= {"Table", "Value"} | {shape.name for shape in (*BASES, *ANSWERS)} - {
    "ClassEvaluation",
    "PartEvaluation",
}

_IMPORTS = """
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
"""
_LOOKED_UP = '''
def __getattr__(name: str) -> Any:
    """Import what is asked for, so that the command `brightfield serve` waits for none of it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
'''


def surface() -> str:
    """The package's `__init__`: every public name, and the module that it stands in."""
    shown = {module: re.findall(r"\w+", names) for module, names in EXPORTS.items()}
    for path in [
        PACKAGE / "faults.py",
        PACKAGE / "errors.py",
        *sorted((PACKAGE / "results").glob("*.py")),
    ]:
        module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        found = re.findall(r"^class ([A-Z]\w+)", path.read_text("utf-8"), re.MULTILINE)
        shown[module] = [name for name in found if name not in INTERNAL]
    homes = {name: module for module, names in shown.items() for name in names}
    known = [
        f"    from brightfield_client.{home} import {name} as {name}"
        for name, home in homes.items()
    ]
    text = "Brightfield from Python: `Client`, `AsyncClient`, typed answers and one tree of errors."
    parts = [
        head("the modules"),
        f'"""{text}"""\n',
        _IMPORTS,
        *known,
        f"\n__all__ = {sorted(homes)!r}\n\n_HOMES = {homes!r}\n",
        _LOOKED_UP,
    ]
    return "\n".join(parts)
