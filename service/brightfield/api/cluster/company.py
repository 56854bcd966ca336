"""Whether the processes on one store can be one service; what is wrong is said at the start."""

from __future__ import annotations

import asyncio

from brightfield.outages import UnusableStore
from brightfield.store.replicas import Replica, Replicas


async def check_company(replicas: Replicas, own: Replica, *, on_a_file: bool, pause: float) -> None:
    """Returns once no replica is in the way that may be alive.

    One that died a moment ago seems alive until its lease ends, so the next look comes after
    `pause` seconds. `on_a_file` says that the store is SQLite. Raises `UnusableStore` for one that
    is alive for certain, since it renewed its lease meanwhile.
    """
    beats: dict[str, float] = {}
    while True:
        others = await asyncio.to_thread(replicas.alive)
        wrong = {each: fault for each in others if (fault := _fault(own, each, on_a_file))}
        if not wrong:
            return
        for each, fault in wrong.items():
            if beats.setdefault(each.id, each.beat) != each.beat:
                raise UnusableStore(fault)
        await asyncio.sleep(pause)


def _fault(own: Replica, other: Replica, on_a_file: bool) -> str | None:
    """Why two replicas can't go together; None if they can."""
    if other.id == own.id:
        return None
    if on_a_file and other.process.place != own.process.place:
        return (
            f"Another machine or container ({other.process.host}) runs on this SQLite file; name a "
            "PostgreSQL server in BRIGHTFIELD_DATABASE_URL for several."
        )
    if other.images != own.images:
        return (
            f"Another process of the service ({other.process.host}) keeps uploaded images in "
            "another place; name a folder that all share, or `database`, in BRIGHTFIELD_IMAGES."
        )
    return None
