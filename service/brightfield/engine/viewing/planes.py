"""The planes that were looked at lately, decoded once for all who look."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from brightfield.engine.image_bytes_held import HeldDecoding
from brightfield.engine.viewing.plane import ViewedPlane
from brightfield.images.budget import DecodeBudget
from brightfield.images.contents import contents
from brightfield.images.limits import Limits
from brightfield.images.picture import Picture
from brightfield.images.selection import Selection
from brightfield.runtime.ticket import Ticket

# Decoding waits for bytes in its thread, of which there are few.
_AT_ONCE = 2

_Key = tuple[str, str]


class ViewedPlanes:
    """Decoded planes of images by their ids, at most `most` bytes of them. Lives on an event loop.

    A plane is kept for everyone: whether a caller may see an image is asked before.
    """

    def __init__(self, budget: DecodeBudget, limits: Limits, most: int, timeout: float) -> None:
        self._budget = budget
        self._limits = limits
        self._most = most
        self._timeout = timeout
        self._kept: OrderedDict[_Key, ViewedPlane] = OrderedDict()
        self._bytes = 0
        self._decoding: dict[_Key, asyncio.Task[ViewedPlane]] = {}
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def plane(
        self, image_id: str, selection: Selection, read: Callable[[], bytes]
    ) -> ViewedPlane:
        """The plane that the selection names, from what `read` gives unless it is kept.

        Along z, t or pages that are left open it is the first. Raises as `decode` does. Who asks
        for a plane that is being decoded waits for the same one; whoever leaves withdraws nothing.
        """
        key = (image_id.lower(), selection.model_dump_json(exclude_unset=True))
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        task = self._decoding.get(key)
        if task is None:
            task = asyncio.create_task(self._decoded(key, selection, read))
            self._decoding[key] = task
            task.add_done_callback(lambda done: self._forget(key, done))
        return await asyncio.shield(task)

    async def _decoded(
        self, key: _Key, selection: Selection, read: Callable[[], bytes]
    ) -> ViewedPlane:
        async with self._places:
            found = await asyncio.to_thread(self._decode, selection, read)
        if found.nbytes <= self._most:
            self._keep(key, found)
        return found

    def _forget(self, key: _Key, task: asyncio.Task[ViewedPlane]) -> None:
        del self._decoding[key]
        if not task.cancelled():
            task.exception()  # seen, though all who asked may have left

    def _decode(self, selection: Selection, read: Callable[[], bytes]) -> ViewedPlane:
        data = read()
        found = contents(data, selection)
        holding = HeldDecoding(self._budget, self._limits)
        try:
            picture = holding.blocking(data, found.first, Ticket(self._timeout))
        finally:
            holding.let_go()
        return ViewedPlane(found, _alone(picture))

    @property
    def size_bytes(self) -> int:
        """Bytes of the planes that are kept."""
        return self._bytes

    def _keep(self, key: _Key, plane: ViewedPlane) -> None:
        self._kept[key] = plane
        self._bytes += plane.nbytes
        while self._bytes > self._most:
            _, dropped = self._kept.popitem(last=False)
            self._bytes -= dropped.nbytes


def _alone(picture: Picture) -> Picture:
    """The picture without the file's bytes or other planes behind its pixels."""
    pixels, owner = picture.pixels, picture.pixels
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    own = owner.base is None and owner.nbytes <= pixels.nbytes
    return replace(picture, pixels=pixels if own else pixels.copy(), raw=None, hold=None)
