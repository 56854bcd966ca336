"""Which model answers where nobody names one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, takewhile

from brightfield.cards import ModelCard
from brightfield.errors import InvalidParameter, UnknownModel
from brightfield.explain.method import Method
from brightfield.tasks.task import Task
from brightfield.work import Work


class DefaultModels:
    """The models of `wanted`, by task or group of methods, before those that the tasks declare."""

    def __init__(
        self,
        tasks: Mapping[str, type[Task]],
        methods: Mapping[str, type[Method]],
        wanted: Mapping[str, str],
    ) -> None:
        self._tasks = tasks
        self._methods = methods
        self._wanted = wanted

    def preset(self, work: type[Work]) -> str | None:
        """The model that is set for a task or a method: its own, else that of the task from which
        it borrows one."""
        lender = work if work.borrows is None else self._tasks[work.borrows]
        return (
            self._wanted.get(work.endpoint)
            or self._wanted.get(lender.endpoint)
            or lender.default_model
        )

    @property
    def names(self) -> Sequence[str]:
        """The models that are set for any task, in the order of the tasks."""
        presets = (self.preset(task) for task in self._tasks.values())
        return list(dict.fromkeys(model for model in presets if model is not None))

    def named(self, endpoint: str) -> str:
        """The model that is set for a task or a group of methods. Raises `UnknownModel`."""
        works: Iterator[type[Work]] = chain(self._tasks.values(), self._methods.values())
        work = next((work for work in works if work.endpoint == endpoint), None)
        return self._required(endpoint, None if work is None else self.preset(work))

    def chosen(self, work: Work, named: str | None, cards: Mapping[str, ModelCard]) -> str:
        """The model that answers: the named one, else the one that is set, else another of the same
        task that does what is asked for.

        Raises `UnknownModel` where none is set, and `InvalidParameter` where none can do it.
        """
        return named or self._fitting(work, cards)

    def needed(
        self, work: Work, named: str | None, cards: Mapping[str, ModelCard]
    ) -> tuple[str, ...]:
        """The models that an answer needs: that one, and that of its companion."""
        main, companion = self.chosen(work, named, cards), work.companion
        if companion is None:
            return (main,)
        task = self._tasks[companion.endpoint](**companion.parameters)
        return main, self.chosen(task, companion.model, cards)

    def _fitting(self, work: Work, cards: Mapping[str, ModelCard]) -> str:
        preset = self._required(work.endpoint, self.preset(type(work)))
        if preset not in cards or (refusal := work.refusal(cards[preset])) is None:
            return preset
        able = [
            name
            for name, card in cards.items()
            if card.task == work.name and work.refusal(card) is None
        ]
        if not able:
            raise InvalidParameter(f"{refusal} No other model does, either; see GET /models.")
        # The one with the most similar name, as photo-x4 for photo-x2.
        return max(sorted(able), key=lambda name: _common_prefix(name, preset))

    def _required(self, endpoint: str, model: str | None) -> str:
        if model is None:
            raise UnknownModel(f"No model is set for {endpoint}; name one with `model`.")
        return model


def _common_prefix(name: str, other: str) -> int:
    """Letters at the beginning that two names share."""
    pairs = zip(name, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
