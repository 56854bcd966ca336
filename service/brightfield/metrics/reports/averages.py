"""Numbers of several classes: of each, their mean (macro), and of all together (micro)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from brightfield.images.picture import Note
from brightfield.metrics.counted.counts import CountTable
from brightfield.metrics.reports.sample import lines
from brightfield.metrics.statistics.family import Family, MetricSpec

_NAMED = 5


def averaged(
    families: Sequence[Family[Any, Any]],
    samples: Sequence[Any],
    pooled: Any,
    chosen: Sequence[int],
    n: int,
) -> list[MetricSpec[Any]]:
    """Each class's lines, their mean over the `chosen` classes, and the pooled ones.

    A class whose number is undefined counts as 0 in means that scikit-learn defines so
    (`Family.zero`), and is left out of others.
    """
    found: list[MetricSpec[Any]] = []
    for c, sample in enumerate(samples):
        found += lines(families, sample, ("per_class", c))
    parts = tuple(samples[c] for c in chosen)
    for family in families:
        for name in family.names:
            key = ("metrics", f"{name}_macro")
            found.append(_mean(key, name, family, parts, n))
            found.append(MetricSpec(("metrics", f"{name}_micro"), name, family, (pooled,), n))
    return found


def _mean(
    key: tuple[str, str], name: str, family: Family[Any, Any], parts: tuple[Any, ...], n: int
) -> MetricSpec[Any]:
    if name in family.zero:
        return MetricSpec(key, name, family, parts, n, filled=True)
    known = tuple(part for part in parts if name not in family.undefined(part))
    return MetricSpec(key, name, family, known or parts, n)


def counted_as_zero(table: CountTable, labels: Sequence[str]) -> list[Note]:
    """Of classes whose share is undefined, which means over the classes count as 0."""
    members, called = table.counts.sum(axis=1), table.counts.sum(axis=0)
    absent = [labels[c] for c in table.occurring.tolist() if not members[c]]
    unseen = [labels[c] for c in table.occurring.tolist() if not called[c]]
    notes = []
    if absent:
        notes.append(
            Note(
                "predicted_but_absent",
                f"No case is of {_listed(absent)}, and some are called so. As in scikit-learn, "
                "the means over the classes (macro) count such a class with 0 in sensitivity, ppv, "
                "f1 and jaccard; balanced_accuracy leaves it out.",
            )
        )
    if unseen:
        notes.append(
            Note(
                "never_predicted",
                f"No case is called {_listed(unseen)}, so ppv has no value there; as in "
                "scikit-learn, ppv_macro counts it as 0.",
            )
        )
    return notes


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more classes" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
