"""What a coroutine's caller gets where code of a model raises in it, whatever that is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from brightfield.cards import ModelCard
from brightfield.errors import BrightfieldError
from brightfield.models.loading.foreign_code import cause
from brightfield.outages import ModelFailed, ServiceStopping

log = logging.getLogger(__name__)


@contextmanager
def own_faults(card: ModelCard) -> Iterator[None]:
    """Within it a model is used: what its code raises is a `ModelFailed` with the cause.

    An ordinary exception with a model that brings no code is a mistake of ours and goes on as it
    is. A cancellation goes on if it is this task's own. If not, a pool has dropped the work, as
    pools do when the engine closes: `ServiceStopping`.
    """
    try:
        yield
        return
    except (BrightfieldError, GeneratorExit):
        raise
    except asyncio.CancelledError:
        if cancelled_itself():
            raise
        problem: BrightfieldError = ServiceStopping(
            "The service is stopping; ask again when it is back.", retry_after=5
        )
    except BaseException as fault:
        if isinstance(fault, Exception) and not card.brings_code:
            raise
        log.error("code of %s failed", card.id, exc_info=fault)
        problem = ModelFailed(f"The code of the model {card.id} failed: {cause(fault)}")
    raise problem  # out of the except block, so its context keeps no frame alive


def cancelled_itself() -> bool:
    """Whether somebody has cancelled the task that runs: a `CancelledError` may also be raised by
    work whose own future was cancelled."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
