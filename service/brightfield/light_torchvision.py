"""torchvision, imported without PyTorch's compiler: whoever imports torchvision imports this first.

One of torchvision's modules imports `torch._dynamo` for a question that it asks in deterministic
mode alone. That brings 400 modules more, 150 MB and two seconds, which a service that compiles
nothing does not need. So the answer is looked up when the question is asked.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType

_PACKAGE, _MODULE = "torch._dynamo", "torch._dynamo.utils"


def _is_compile_supported(device_type: str) -> bool:
    found: bool = import_module(_MODULE).is_compile_supported(device_type)
    return found


def _import_torchvision() -> None:
    """Let it find a stand-in; one that asks for anything else is imported as usual."""
    if _PACKAGE in sys.modules:
        return
    package, module = ModuleType(_PACKAGE), ModuleType(_MODULE)
    module.is_compile_supported = _is_compile_supported  # type: ignore[attr-defined]
    sys.modules.update({_PACKAGE: package, _MODULE: module})
    try:
        import_module("torchvision")
    except ImportError:
        return
    finally:
        del sys.modules[_PACKAGE], sys.modules[_MODULE]


_import_torchvision()
