"""What a project holds is the sum of its large values."""

from __future__ import annotations

import numpy as np
import sqlalchemy as sa

from brightfield.store.collections import Collections, Properties
from brightfield.store.items import Items, NewItem
from brightfield.store.jobs import StoredReply
from brightfield.store.ownership import of_project
from brightfield.store.runs import RunStore, StoredChunk
from brightfield.store.usage import stored_bytes

from .jobs_at_hand import at_hand


def test_every_kind_of_value_counts_for_its_project_alone(engine: sa.Engine) -> None:
    optics, total = of_project(engine, "optics"), 0
    assert stored_bytes(optics) == 0
    Collections(optics).make("cells", Properties(keep_images=True), 100)
    vector = np.ones(100, np.float32)
    items = [NewItem(str(n), str(n), {}, vector, b"t" * 30, b"i" * 5000) for n in range(3)]
    Items(optics).add("cells", items)
    total += 3 * (400 + 30 + 5000)
    assert stored_bytes(optics) == total

    run, _ = RunStore(optics).create("classification", {}, None)
    chunk = StoredChunk("ab", "application/json", 1, {}, ["a"], b"c" * 777)
    RunStore(optics).put(run.id, "key", chunk, lambda _, frame: frame)
    here = at_hand(optics)
    claimed = here.running()
    assert stored_bytes(optics) == total + 777 + len(claimed.request.body)
    here.claims.finish(claimed, StoredReply(200, {}, b"\x00r" * 50), 1, 1)
    assert stored_bytes(optics) == total + 777 + 100

    assert stored_bytes(engine) == 0
    Collections(optics).delete("cells")
    RunStore(optics).delete(run.id)
    assert stored_bytes(optics) == 100
