"""Threads that add, replace and delete items by chance, and write down what they do; a program.

    python random_writer.py URL FIRST COUNT SEED

Every thread has ids of its own, and all share some. A line of JSON says what is begun before it is
done, with the time, and another what came of it.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from typing import Any

import numpy as np

from brightfield.errors import ItemDiffers
from brightfield.store.database import open_database
from brightfield.store.items import Items, NewItem
from brightfield.store.metadata_filter import Filter

NAME = "cells"
WRITERS = 4
OWN, SHARED = 40, 4


def item(item_id: str, value: int, metadata: dict[str, Any]) -> NewItem:
    """Everything about it tells its value, so that a torn item shows."""
    return NewItem(item_id, f"s{value}", metadata, np.array([value, 1], np.float32))


def drawn(rng: random.Random, writer: int, turn: int) -> dict[str, Any]:
    """What a writer does at its turn."""
    kind = rng.choices(("add", "ids", "filter", "share", "sweep"), (40, 10, 10, 30, 10))[0]
    own = [f"w{writer}/{n}" for n in rng.sample(range(OWN), rng.randint(1, 8))]
    if kind == "add":
        values = {each: rng.choice((1, 2, turn + 10)) for each in own}
        return {"kind": kind, "items": values, "replace": rng.random() < 0.6}
    if kind == "ids":
        return {"kind": kind, "ids": own}
    if kind == "filter":
        return {"kind": kind, "below": rng.randint(1, 3)}
    # Generations only grow, so what is as new as a sweep or newer is never swept.
    generation = turn // 8 - (kind == "sweep")
    return {"kind": kind, "id": f"shared/{rng.randrange(SHARED)}", "generation": generation}


def done(items: Items, writer: int, turn: int, action: dict[str, Any]) -> Any:
    """Do it; what came of it."""
    kind = action["kind"]
    if kind == "add":
        made = [
            item(each, value, {"writer": writer, "class": value % 5})
            for each, value in action["items"].items()
        ]
        outcomes = items.add(NAME, made, replace=action["replace"])
        return ["differs" if isinstance(each, ItemDiffers) else each for each in outcomes]
    if kind == "ids":
        return items.delete(NAME, action["ids"])
    if kind == "filter":
        wanted = {"writer": writer, "class": {"lt": action["below"]}}
        return items.delete_passing(NAME, Filter.read(wanted))
    generation = action["generation"]
    if kind == "sweep":
        return items.delete_passing(NAME, Filter.read({"generation": {"lt": generation}}))
    value = turn * WRITERS + writer
    return items.add(NAME, [item(action["id"], value, {"generation": generation})], replace=True)


def main(url: str, first: int, count: int, seed: int) -> None:
    items, lock = Items(open_database(url)), threading.Lock()

    def tell(**line: Any) -> None:
        with lock:
            print(json.dumps({**line, "time": time.monotonic()}), flush=True)

    def work(writer: int) -> None:
        rng = random.Random(seed * WRITERS + writer)
        for turn in range(first, first + count):
            action = drawn(rng, writer, turn)
            tell(writer=writer, turn=turn, begun=action)
            tell(writer=writer, turn=turn, outcome=done(items, writer, turn, action))

    threads = [threading.Thread(target=work, args=(writer,)) for writer in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(sys.argv[1], *(int(each) for each in sys.argv[2:]))
