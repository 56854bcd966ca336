"""torchvision, imported when it is needed, and without PyTorch's compiler.

One of torchvision's modules imports `torch._dynamo` for a question that it asks in deterministic
mode alone. That brings 400 modules more, 150 MB and two seconds, which a service that compiles
nothing does not need. So the answer is looked up when the question is asked. Whoever imports
torchvision imports this first.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

_PACKAGE, _MODULE = "torch._dynamo", "torch._dynamo.utils"


def _is_compile_supported(device_type: str) -> bool:
    found: bool = import_module(_MODULE).is_compile_supported(device_type)
    return found


class _Light(Loader):
    """Lets torchvision find a stand-in while it is imported."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if _PACKAGE in sys.modules:
            self._loader.exec_module(module)
            return
        stand_in, answering = ModuleType(_PACKAGE), ModuleType(_MODULE)
        answering.is_compile_supported = _is_compile_supported  # type: ignore[attr-defined]
        sys.modules.update({_PACKAGE: stand_in, _MODULE: answering})
        try:
            self._loader.exec_module(module)
        finally:
            del sys.modules[_PACKAGE], sys.modules[_MODULE]


class _Finder(MetaPathFinder):
    """Finds torchvision as Python does, once."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != "torchvision":
            return None
        found = PathFinder.find_spec(name, path, target)
        if found is not None and found.loader is not None:
            found.loader = _Light(found.loader)
        return found


if "torchvision" not in sys.modules:
    sys.meta_path.insert(0, _Finder())
