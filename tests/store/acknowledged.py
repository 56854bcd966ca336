"""A model of what was acknowledged: what a collection may hold, however its writers interleave."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

State = Mapping[str, int]
"""The value of each id that is there."""


def expected(state: State, action: Mapping[str, Any]) -> tuple[dict[str, int], Any]:
    """What a writer's own ids hold after it did something, and what it should have been told."""
    after = dict(state)
    if action["kind"] == "ids":
        gone = [each for each in action["ids"] if after.pop(each, None) is not None]
        return after, len(gone)
    if action["kind"] == "filter":
        after = {each: value for each, value in state.items() if value % 5 >= action["below"]}
        return after, len(state) - len(after)
    outcomes = []
    for each, value in action["items"].items():
        there = after.get(each)
        if there is not None and there != value and not action["replace"]:
            outcomes.append("differs")
            continue
        outcomes.append("added" if there is None else "unchanged" if there == value else "replaced")
        after[each] = value
    return after, outcomes


@dataclass
class Own:
    """The ids of one writer, which alone changes them: each of its states, one after another."""

    states: list[dict[str, int]] = field(default_factory=lambda: [{}])
    acknowledged: int = 0
    """The state that was reached for certain; the one after it was begun."""
    told: Any = None

    def begin(self, action: Mapping[str, Any]) -> None:
        state, self.told = expected(self.states[-1], action)
        self.states.append(state)

    def end(self, outcome: Any) -> None:
        assert outcome == self.told, (outcome, self.told)
        self.acknowledged = len(self.states) - 1

    def settle(self, found: State) -> None:
        """After a kill: what was begun happened as a whole, or not at all."""
        if found != self.states[-1]:
            self.states.pop()
        assert found == self.states[-1], (found, self.states[-2:])
        self.acknowledged = len(self.states) - 1


@dataclass
class Write:
    """A change of an id that all writers share; without an end it may have happened or not."""

    generation: int
    value: int
    begun: float
    ended: float = math.inf
    added: bool = False
    """Whether it was told that nothing was there before."""


@dataclass
class Sweep:
    """A deletion of all shared ids of generations before this one."""

    generation: int
    begun: float
    ended: float = math.inf


@dataclass
class Model:
    """All writers' own ids, and the ids that they share; may be asked while it is told."""

    own: dict[int, Own]
    writes: dict[str, list[Write]] = field(default_factory=dict)
    sweeps: list[Sweep] = field(default_factory=list)
    operations: int = 0
    _open: dict[int, Write | Sweep | Own] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def hear(self, line: Mapping[str, Any], writers: int) -> None:
        """A line of the writers' journal."""
        writer = line["writer"]
        with self._lock:
            if "begun" in line:
                self._open[writer] = self._begin(line, writer, writers)
                return
            self.operations += 1
            begun = self._open.pop(writer)
            if isinstance(begun, Own):
                begun.end(line["outcome"])
                return
            begun.ended = line["time"]
            if isinstance(begun, Write):
                begun.added = line["outcome"] == ["added"]

    def _begin(self, line: Mapping[str, Any], writer: int, writers: int) -> Write | Sweep | Own:
        action, began = line["begun"], line["time"]
        if action["kind"] == "sweep":
            self.sweeps.append(Sweep(action["generation"], began))
            return self.sweeps[-1]
        if action["kind"] == "share":
            write = Write(action["generation"], line["turn"] * writers + writer, began)
            self.writes.setdefault(action["id"], []).append(write)
            return write
        self.own[writer].begin(action)
        return self.own[writer]

    def settle(self, found: Mapping[int, State]) -> None:
        """After a kill, when nobody writes."""
        with self._lock:
            for writer, begun in self._open.items():
                if isinstance(begun, Own):
                    begun.settle(found[writer])
            self._open.clear()

    def reached(self) -> dict[int, int]:
        """For each writer the number of the state that is acknowledged."""
        with self._lock:
            return {writer: own.acknowledged for writer, own in self.own.items()}

    def explains(self, writer: int, found: State, since: int) -> bool:
        """Whether a writer's ids were ever as they were found, since that state was reached."""
        with self._lock:
            return found in self.own[writer].states[since:]

    def check_shared(self, found: State) -> None:
        """When nobody writes: every shared id is as some order of what was done leaves it."""
        for name, writes in self.writes.items():
            for each in writes:
                assert not each.added or self._free(each, writes), (name, each, writes)
            sure = [each for each in writes if each.ended < math.inf]
            last = [each for each in writes if not any(o.begun > each.ended for o in sure)]
            if name in found:
                kept = [each for each in last if not self._gone(each)]
                assert found[name] in {each.value for each in kept}, (name, found[name], kept)
            else:
                assert not sure or any(self._swept(each) for each in last), (name, last)
            # From here on it is known what happened.
            self.writes[name] = [each for each in last if each.value == found.get(name)]
            for each in self.writes[name]:
                each.ended, each.added = min(each.ended, time.monotonic()), False
        self.sweeps.clear()

    def _free(self, write: Write, writes: Sequence[Write]) -> bool:
        """Whether the id may have been free when this was written."""
        earlier = [each for each in writes if each is not write and each.begun < write.ended]
        sure = [each for each in earlier if each.ended < write.begun]
        last = [each for each in earlier if not any(o.begun > each.ended for o in sure)]
        return not sure or any(self._swept(each, before=write.ended) for each in last)

    def _swept(self, write: Write, *, before: float = math.inf) -> bool:
        """Whether a sweep may have removed it, before that moment."""
        return any(
            each.generation > write.generation and each.ended > write.begun and each.begun < before
            for each in self.sweeps
        )

    def _gone(self, write: Write) -> bool:
        """Whether a sweep must have removed it."""
        return any(
            each.generation > write.generation
            and each.begun > write.ended
            and each.ended < math.inf
            for each in self.sweeps
        )
