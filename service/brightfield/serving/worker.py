"""The worker: the process that answers. `python -m brightfield.serving.worker` is the supervisor's.

What takes long to import and depends on no settings is imported before the supervisor knows any;
then it tells the rest on the standard input.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
import threading
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from brightfield.serving.interpreter import set_up_for_start
from brightfield.serving.worker_process import take

# Packages with libraries of their own: the system loads one library at a time, so one after
# another, and who waits keeps the interpreter's lock.
_WITH_LIBRARIES = ("numpy", "pydantic", "sqlalchemy", "sqlite3", "httptools", "orjson", "psutil")
_OF_PYTHON = (
    "fastapi", "uvicorn", "brightfield.serving.life", "brightfield.store.database",
    "brightfield.store.keys", "brightfield.store.job_claims", "brightfield.store.runs",
    "brightfield.store.items",
)  # fmt: skip


def main() -> int:
    """Answer until told to stop; the exit code, for the supervisor."""
    set_up_for_start()
    with contextlib.suppress(ImportError):  # of what is missing the supervisor tells
        _import()
    sockets = take(sys.stdin.fileno())
    if sockets is None:
        return 0
    from brightfield.serving import life

    return life.lead(sockets)


def _import() -> None:
    """Import what every worker needs: PyTorch's libraries beside what is written in Python."""
    for name in _WITH_LIBRARIES:
        import_module(name)
    loading = threading.Thread(target=_load_libraries, daemon=True)
    loading.start()
    for name in _OF_PYTHON:
        import_module(name)
    loading.join()
    for name in ("torch", "brightfield.engine.engine"):
        import_module(name)


def _load_libraries() -> None:
    """Load PyTorch's libraries, a third of its import, without the interpreter's lock."""
    found = find_spec("torch") if sys.platform == "linux" else None
    folders = () if found is None else found.submodule_search_locations or ()
    for folder in folders:
        with contextlib.suppress(OSError):  # the import itself says what is wrong
            ctypes.CDLL(str(Path(folder, "lib", "libtorch_global_deps.so")), ctypes.RTLD_GLOBAL)
            ctypes.CDLL(str(Path(folder, "lib", "libtorch.so")))


if __name__ == "__main__":
    sys.exit(main())
