"""COCO's twelve numbers, or those of other rules, for all categories and for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brightfield.metrics.counted.coco_matches import Matched, Ranked
from brightfield.metrics.counted.detection_rules import RECALLS, DetectionRules
from brightfield.metrics.statistics.bootstrap import Batch
from brightfield.metrics.statistics.estimate import Reason
from brightfield.metrics.statistics.family import Family, ratio
from brightfield.metrics.statistics.resampling import SampleWeights
from brightfield.metrics.statistics.scale import LOGIT, Scale

# Numbers of one block of resamples.
_BLOCK = 200_000


@dataclass(frozen=True, eq=False)
class Detected:
    """The matches of a scene; its units are images."""

    matched: Matched

    def weighted(self, weights: SampleWeights) -> SampleWeights:
        return weights

    def followed_by(self, other: Detected) -> Detected:
        """Both, the other's images after these."""
        return Detected(self.matched.followed_by(other.matched))

    @property
    def work(self) -> int:
        """About how many numbers one resample touches."""
        ranked = [area for category in self.matched.ranked for area in category]
        thresholds = len(self.matched.rules.thresholds)
        return 5 * thresholds * sum(area.scores.size for area in ranked)


class CocoSummary(Family[Detected, SampleWeights]):
    """Precision and recall over IoU thresholds t, by default 0.5, 0.55, ..., 0.95, in [0, 1].

        ap = mean over t, and over recalls 0, 0.01, ..., 1, of the greatest precision at that
             recall or more (ap50: at t = 0.5; ap_small and so on: objects of such an area)
        ar_m = mean over t of the recall of the m best detections of each image and category

    and the mean over the categories that have objects; `NAME/k` is that of category k. Areas are by
    default small below 32^2 pixels, large above 96^2, and m is 1, 10, 100. pycocotools has -1 where
    there are no objects; here the number is undefined. Weights count images: drawn twice, an
    image's detections and objects count twice. Source: Lin et al., "Microsoft COCO: common objects
    in context", ECCV 2014.
    """

    def scale(self, name: str, sample: Detected) -> Scale:
        return LOGIT

    def values(self, sample: Detected, weighted: SampleWeights) -> Mapping[str, Batch]:
        matched = sample.matched
        found: dict[str, Batch] = {}
        columns: dict[str, list[Batch]] = {name: [] for name in matched.rules.names}
        for category, areas in enumerate(matched.ranked):
            for name, value in _of_category(areas, matched.rules, weighted).items():
                found[f"{name}/{category}"] = value
                columns[name].append(value)
        for name, values in columns.items():
            found[name] = _mean_of_known(values, len(weighted))
        return found

    def undefined(self, sample: Detected) -> Mapping[str, Reason]:
        return {name: "no_objects" for name, n in self.sizes(sample).items() if not n}

    def sizes(self, sample: Detected) -> Mapping[str, int]:
        rules = sample.matched.rules
        found = dict.fromkeys(rules.names, 0)
        for category, areas in enumerate(sample.matched.ranked):
            for name in rules.names:
                n = areas[rules.area_of(name)].n
                found[name] += n
                found[f"{name}/{category}"] = n
        return found


def _of_category(
    areas: tuple[Ranked, ...], rules: DetectionRules, weights: SampleWeights
) -> dict[str, Batch]:
    """(B,) each of the numbers."""
    precise = [_precision(area, rules, weights) for area in areas]
    found = {"ap": precise[0].mean(axis=1)}
    for name, place in rules.shown.items():
        found[name] = precise[0][:, place]
    for cap in rules.caps:
        found[f"ar_{cap}"] = _recall(areas[0], cap, weights)
    for place, area in list(enumerate(rules.areas))[1:]:
        found[f"ap_{area.name}"] = precise[place].mean(axis=1)
        found[f"ar_{area.name}"] = _recall(areas[place], rules.limit, weights)
    return found


def _precision(
    ranked: Ranked, rules: DetectionRules, weights: SampleWeights
) -> NDArray[np.float64]:
    """(B, T) mean interpolated precision at each threshold of IoU; NaN without objects.

    The greatest precision from some recall on is always at a true positive, so only those are
    looked at: each stands for the recalls that it is the first to reach.
    """
    found = np.zeros((len(weights), len(rules.thresholds)))
    size = max(1, _BLOCK // max(1, ranked.scores.size))
    for start in range(0, len(weights), size):
        block = slice(start, start + size)
        objects = weights[block] @ ranked.objects
        drawn = weights[block][:, ranked.images]
        for t, (right, wrong) in enumerate(zip(ranked.right, ranked.wrong, strict=True)):
            places = np.flatnonzero(right)
            tp = np.cumsum(drawn[:, places], axis=1)
            fp = np.cumsum(drawn * wrong, axis=1)[:, places]
            reached = np.searchsorted(RECALLS, ratio(tp, objects[:, None]), side="right")
            steps = np.diff(reached, axis=1, prepend=0)
            precision = tp / (fp + tp + np.spacing(1))
            best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
            found[block, t] = np.einsum("bi,bi->b", steps, best) / RECALLS.size
    found[weights @ ranked.objects == 0] = np.nan
    return found


def _recall(ranked: Ranked, most: int, weights: SampleWeights) -> Batch:
    """(B,) mean over the thresholds of IoU of the share of objects that are found."""
    among = ranked.right[:, ranked.rank < most].mean(axis=0)
    per_image = np.bincount(
        ranked.images[ranked.rank < most], weights=among, minlength=ranked.objects.size
    )
    return ratio(weights @ per_image, weights @ ranked.objects)


def _mean_of_known(values: list[Batch], count: int) -> Batch:
    table = np.array(values).reshape(-1, count)
    known = ~np.isnan(table)
    return ratio(np.where(known, table, 0.0).sum(axis=0), known.sum(axis=0))


def precision_at_recalls(ranked: Ranked, rules: DetectionRules) -> NDArray[np.float64]:
    """(T, 101) interpolated precision at each recall, as COCOeval's `precision`."""
    found = np.zeros((len(rules.thresholds), RECALLS.size))
    for t, (right, wrong) in enumerate(zip(ranked.right, ranked.wrong, strict=True)):
        places = np.flatnonzero(right)
        tp, fp = np.arange(1, places.size + 1), np.cumsum(wrong)[places]
        best = np.maximum.accumulate((tp / (fp + tp + np.spacing(1)))[::-1])[::-1]
        first = np.searchsorted(tp / max(1, ranked.n), RECALLS, side="left")
        reached = first < places.size
        found[t, reached] = best[first[reached]]
    return found


def curves(ranked: list[Ranked], rules: DetectionRules) -> dict[str, Any] | None:
    """Precision at 101 recalls for each threshold of IoU, the mean over categories with objects;
    None where there are none."""
    known = [precision_at_recalls(each, rules) for each in ranked if each.n]
    if not known:
        return None
    return {
        "recall": RECALLS.tolist(),
        "iou": [round(t, 6) for t in rules.thresholds],
        "precision": np.mean(known, axis=0).tolist(),
    }
