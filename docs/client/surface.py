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


def surface() -> str:
    """The package's `__init__`: every public name, by the module that it stands in."""
    shown = {module: re.findall(r"\w+", names) for module, names in EXPORTS.items()}
    for path in [
        PACKAGE / "faults.py",
        PACKAGE / "errors.py",
        *sorted((PACKAGE / "results").glob("*.py")),
    ]:
        module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        found = re.findall(r"^class ([A-Z]\w+)", path.read_text("utf-8"), re.MULTILINE)
        shown[module] = [name for name in found if name not in INTERNAL]
    lines = [
        f"from brightfield_client.{module} import {', '.join(names)}"
        for module, names in shown.items()
        if names
    ]
    every = sorted(name for names in shown.values() for name in names)
    text = "Brightfield from Python: `Client`, `AsyncClient`, typed answers and one tree of errors."
    return "\n".join([head("the modules"), f'"""{text}"""\n', *lines, f"\n__all__ = {every!r}\n"])
