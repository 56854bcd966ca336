"""Brightfield: runs imaging models and shows which pixels an answer rests on.

    from brightfield import Engine, tasks

    with Engine() as engine:
        answer = engine.ask(tasks.Classify(top_k=2), "cat.png")
        print(answer.result.predictions)

What stands in `__all__` is the face of the package for programs without HTTP, imported when it is
first asked for. The service is `brightfield serve`.
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from brightfield import errors, explain, tasks
    from brightfield.engine.answer import Answer, MultiImageAnswer
    from brightfield.engine.engine import Engine
    from brightfield.engine.view import View
    from brightfield.errors import BrightfieldError
    from brightfield.images.selection import Selection
    from brightfield.progress import Step
    from brightfield.runtime.ticket import Ticket
    from brightfield.settings import Settings

try:
    __version__ = version("brightfield")
except PackageNotFoundError:  # run from a source tree that is not installed
    __version__ = "0+source"

__all__ = [
    "Answer",
    "BrightfieldError",
    "Engine",
    "MultiImageAnswer",
    "Selection",
    "Settings",
    "Step",
    "Ticket",
    "View",
    "__version__",
    "errors",
    "explain",
    "tasks",
]

# Where each name comes from; a package that is its own name is imported as such.
_HOMES = {
    "Answer": "brightfield.engine.answer",
    "BrightfieldError": "brightfield.errors",
    "Engine": "brightfield.engine.engine",
    "MultiImageAnswer": "brightfield.engine.answer",
    "Selection": "brightfield.images.selection",
    "Settings": "brightfield.settings",
    "Step": "brightfield.progress",
    "Ticket": "brightfield.runtime.ticket",
    "View": "brightfield.engine.view",
}
_ROOMS = ("errors", "explain", "tasks")


def __getattr__(name: str) -> Any:
    """Import what is asked for, so that `import brightfield` itself stays quick."""
    if name in _ROOMS:
        return import_module(f"brightfield.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'brightfield' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
