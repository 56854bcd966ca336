"""CPython, set up for the start of a service and for its life."""

from __future__ import annotations

import gc
import sys

# Threads that wait for the interpreter's lock ask for it so often. The lane, and a thread that
# loads a model, let go of it at every operation of a forward pass, and should not wait the default
# 5 ms to get it back from one in mid-burst.
_SWITCH = 0.0002


def set_up_for_start() -> None:
    """For the seconds in which all is imported: nearly nothing of that is garbage, so none is
    looked for, and models are loaded meanwhile."""
    gc.disable()
    sys.setswitchinterval(_SWITCH)


def set_up_for_service() -> None:
    """For a long-lived server with one busy thread per device.

    Modules and models live as long as the process, so the garbage collector need not look through
    them again and again.
    """
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()
    sys.setswitchinterval(_SWITCH)


def look_through_all() -> None:
    """Free also the garbage that was made at the start, which takes tenths of a second; what is
    left isn't looked through again."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
