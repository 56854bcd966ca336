"""Testing with concept activation vectors: whether a class depends on what items have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from brightfield.collections.adding import check_origin, embedding_task
from brightfield.collections.queries import (
    CollectionQueries,
    ItemFilter,
    SelectedItems,
    watched,
)
from brightfield.embedding.concepts import (
    FEWEST_RUNS,
    LEAST,
    LEVEL,
    ConceptEvidence,
    Doubles,
    concept_evidence,
)
from brightfield.embedding.vectors import Vectors
from brightfield.engine.answer import MultiImageAnswer
from brightfield.engine.engine import Engine
from brightfield.engine.view import View
from brightfield.errors import BrightfieldError, InvalidParameter, TooFewItems
from brightfield.images.picture import Note
from brightfield.images.selection import Selection
from brightfield.parameters import Parameters
from brightfield.progress import Progress, Step
from brightfield.runtime.ticket import Ticket
from brightfield.store.collections import Collection
from brightfield.targets import EVERY
from brightfield.tasks.concepts.concept_gradients import ConceptGradients, LayerGradients

# The score of fewer images is a coarse share.
_FEW = 10


class ConceptQuestion(Parameters):
    """Which concept, which class, and against what."""

    target: str
    """The class whose score is asked about: a label, or a class id."""
    concept: ItemFilter
    """A filter: the items that have the concept, as `{"texture": "striped"}`."""
    random: ItemFilter | None = None
    """A filter: the items that random sets are drawn from, without those of the concept. Default:
    all others."""
    inputs: ItemFilter | None = None
    """A filter: the items whose images are asked about, of a collection that keeps images. Default:
    the images of the request."""
    runs: Annotated[int, Field(ge=2, le=500)] = 30
    """Random sets that the concept is compared with, and that are compared with one another."""
    size: Annotated[int, Field(ge=LEAST, le=100_000)] | None = None
    """Items of each set. Default: all of the concept, or half of the others if that is less."""
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    """Of the draws."""

    @field_validator("target")
    @classmethod
    def _one_class(cls, value: str) -> str:
        if value in ("top", EVERY):
            raise ValueError("target names one class, by its label or class id, for all images")
        return value


@dataclass(frozen=True, slots=True)
class TestedInput:
    """An image that was asked about: its place, its item's id, and the mean derivative of the score
    along the concept's vectors, or what is wrong with it."""

    image: int
    id: str | None
    found: float | BrightfieldError


@dataclass(frozen=True, slots=True)
class ConceptTest:
    """What a test found: `facts` of JSON types, and each image."""

    facts: dict[str, Any]
    inputs: Sequence[TestedInput]
    notes: Sequence[Note]


@dataclass(frozen=True, slots=True, eq=False)
class _Sets:
    """Different vectors with the concept and without it, and how many items are copies of them."""

    collection: Collection
    concept: Vectors
    others: Vectors
    size: int
    copies: int


class ConceptTests:
    """Tests of concepts. Raises as `CollectionQueries` and the engine do."""

    def __init__(self, engine: Engine, queries: CollectionQueries) -> None:
        self._engine = engine
        self._queries = queries

    async def test(
        self,
        name: str,
        question: ConceptQuestion,
        images: Sequence[Callable[[], bytes]],
        view: View,
        selection: Selection,
        ticket: Ticket,
        progress: Progress | None = None,
    ) -> ConceptTest:
        """How often the class's score rises towards the concept, in the images of the request or in
        those of the `inputs`.

        Raises `InvalidParameter` for a collection without a model, or whose vectors have length 1,
        `TooFewItems` for too small sets, and `ModelChanged` if the model isn't the one that made
        the vectors.
        """
        sets = await self._queries.off_loop(self._sets, name, question, view)
        readers, ids = await self._queries.off_loop(self._inputs, name, question, images)
        step = watched(ticket, progress)
        total = len(readers) + question.runs
        properties = sets.collection.properties
        assert properties.layer is not None
        assert properties.pool is not None
        task = ConceptGradients(
            target=question.target, layer=properties.layer, pool=properties.pool
        )
        answer = await self._engine.answer_together(
            task,
            readers,
            view.model_copy(update={"model": properties.model}),
            selection,
            ticket,
            lambda done: step(Step(done.done, total)),
        )
        check_origin(answer, sets.collection)
        assert isinstance(answer.result, LayerGradients)
        gradients = _fitting(answer.result.gradients, sets.collection)
        evidence = await self._queries.off_loop(
            partial(
                concept_evidence,
                sets.concept,
                sets.others,
                gradients,
                runs=question.runs,
                size=sets.size,
                seed=question.seed,
                progress=lambda run: step(Step(len(readers) + run.done, total)),
            )
        )
        return _told(name, question, sets, answer, ids, evidence)

    def _sets(self, name: str, question: ConceptQuestion, view: View) -> _Sets:
        concept = self._queries.chosen(name, question.concept, LEAST, detailed=True)
        collection = concept.snapshot.collection
        embedding_task(collection, view)
        if collection.properties.normalize:
            raise InvalidParameter(
                f"The vectors of {name} have length 1, and directions between them are no "
                "directions of the layer; make a collection with normalize=false."
            )
        others = self._queries.chosen(name, question.random, detailed=True)
        apart = ~np.isin(others.numbers, concept.numbers)
        with_it, without = _distinct(concept, others, apart)
        size = question.size or min(len(with_it), len(without) // 2)
        if size < LEAST or size > len(with_it) or 2 * size > len(without):
            wanted = max(size, LEAST)
            raise TooFewItems(
                f"Sets of {wanted} need {wanted} items of the concept and {2 * wanted} others, all "
                f"with different vectors; {len(with_it)} of {name} have the concept, and "
                f"{len(without)} don't."
            )
        copies = len(concept) + int(apart.sum()) - len(with_it) - len(without)
        return _Sets(collection, with_it, without, size, copies)

    def _inputs(
        self, name: str, question: ConceptQuestion, images: Sequence[Callable[[], bytes]]
    ) -> tuple[Sequence[Callable[[], bytes]], Sequence[str | None]]:
        """What gives the images, and the ids of their items."""
        if (question.inputs is None) != bool(images):
            raise InvalidParameter(
                "Send the images that are asked about, or `inputs`, a filter of items; one of both."
            )
        if question.inputs is None:
            return images, [None] * len(images)
        found = self._queries.chosen(name, question.inputs, detailed=True)
        collection = found.snapshot.collection
        if not collection.properties.keep_images:
            raise InvalidParameter(
                f"The collection {name} keeps no images; send those that are asked about, or make "
                "a collection with keep_images=true."
            )
        image = self._queries.stores.items.image
        readers = [partial(image, collection.key, number) for number in found.numbers.tolist()]
        return readers, [item.id for item in found.items]


def _distinct(
    concept: SelectedItems, others: SelectedItems, apart: NDArray[np.bool_]
) -> tuple[Vectors, Vectors]:
    """The different vectors of the concept, and those of the others that are `apart` (N,) from it.

    A copy that is held out would be recognised because its like was learned, and a copy among the
    others would speak against the concept. In the order of the ids, as all that is drawn from.
    """
    order = others.order
    one = concept.vectors()[concept.order]
    both = np.concatenate([one, others.vectors()[order[apart[order]]]])
    first = np.unique(concept.rounded(both, "euclidean").copies())
    return both[first[first < len(one)]], both[first[first >= len(one)]]


def _fitting(gradients: Doubles, collection: Collection) -> Doubles:
    if gradients.shape[1] != collection.dim:
        raise InvalidParameter(
            f"The vectors of {collection.name} have {collection.dim} values, and these images "
            f"would have {gradients.shape[1]}; send images of the same size."
        )
    return gradients


def _told(
    name: str,
    question: ConceptQuestion,
    sets: _Sets,
    answer: MultiImageAnswer,
    ids: Sequence[str | None],
    evidence: ConceptEvidence,
) -> ConceptTest:
    result = answer.result
    assert isinstance(result, LayerGradients)
    properties = sets.collection.properties
    means = dict(zip(result.images, evidence.derivatives.tolist(), strict=True))
    inputs = [
        TestedInput(place, item_id, fact if isinstance(fact, BrightfieldError) else means[place])
        for place, (item_id, fact) in enumerate(zip(ids, answer.images, strict=True))
    ]
    facts = {
        "collection": name,
        "model": properties.model,
        "layer": properties.layer,
        "target": {"label": result.label, "class_id": result.class_id},
        "n": len(result.images),
        "runs": question.runs,
        "size": sets.size,
        "seed": question.seed,
        "concept": {
            "items": len(sets.concept),
            **_numbers(evidence.scores, [each.accuracy for each in evidence.concepts]),
        },
        "random": {
            "items": len(sets.others),
            **_numbers(evidence.random_scores, [each.accuracy for each in evidence.randoms]),
        },
        "p": evidence.p,
        "matched": evidence.matched,
        "significant": evidence.significant,
    }
    notes = (*answer.notes, *_notes(evidence, result.gradients, sets.copies))
    return ConceptTest(facts, inputs, notes)


def _numbers(scores: Doubles, accuracies: Sequence[float]) -> dict[str, Any]:
    return {
        "score": float(scores.mean()),
        "deviation": float(scores.std(ddof=1)),
        "scores": scores.tolist(),
        "accuracy": float(np.mean(accuracies)),
        "accuracies": list(accuracies),
    }


def _notes(evidence: ConceptEvidence, gradients: Doubles, copies: int) -> list[Note]:
    notes = []
    if copies:
        notes.append(Note("copies", _COPIES.format(copies)))
    if len(evidence.scores) < FEWEST_RUNS:
        notes.append(Note("few_runs", _FEW_RUNS.format(len(evidence.scores), FEWEST_RUNS)))
    chance = sum(each.by_chance for each in evidence.concepts)
    if chance:
        notes.append(Note("concept_by_chance", _CHANCE.format(chance, len(evidence.concepts))))
    if evidence.p >= LEVEL:
        notes.append(Note("not_significant", _NOT_SIGNIFICANT.format(evidence.p)))
    if evidence.matched > LEVEL:
        notes.append(Note("like_random_sets", _LIKE_RANDOM.format(100 * evidence.matched)))
    if len(gradients) < _FEW:
        notes.append(Note("few_inputs", _FEW_INPUTS.format(len(gradients))))
    elif np.ptp(gradients, axis=0).max() <= 1e-6 * np.abs(gradients).max():
        notes.append(Note("same_gradients", _SAME))
    return notes


_COPIES = (
    "{} items are copies of others, up to rounding, and were left out: a copy that is held out "
    "tells nothing."
)
_FEW_RUNS = "{} runs can't show that fewer than 5 % of the random sets do as well; use {} or more."
_CHANCE = (
    "{} of {} vectors of the concept tell held-out items apart no better than chance (binomial "
    "test, 5 %): the layer may not know the concept, or the items are too few."
)
_NOT_SIGNIFICANT = (
    "The concept's scores don't differ from those of random sets (p = {:.2g}): nothing is shown "
    "about this class. More `runs` and more items tell smaller differences."
)
_LIKE_RANDOM = (
    "{:.0f} % of the random sets differ as much in what the score depends on as the concept does, "
    "so the concept's score may be by chance, whatever p says."
)
_FEW_INPUTS = (
    "The score is a share of {} images; send ten or more of the class to see differences in it."
)
_SAME = (
    "The score has the same gradient at this layer for all images, as where only a linear layer "
    "follows, so every score is 0 or 1. A collection of an earlier layer tells more."
)
