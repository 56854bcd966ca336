"""The report about binary scores against scikit-learn's curves of the same arrays.

    OMP_NUM_THREADS=1 python benchmarks/metrics.py [--rows 2000000] [--rounds 5] [--large] [--masks]
        [--json FILE]

scikit-learn finds the points of the ROC and of the precision-recall curve. Brightfield makes the
whole report as it comes, where so many rows are not resampled: both curves, their areas with
DeLong's interval, the table of thresholds, the numbers at the operating point with intervals,
calibration, the worst rows and the digest. Both run in turn in one process; the ratio may be 3 at
most, and the exit code is 1 if it is greater. With `--large` the report of ten times as many rows
is compared with that. With `--masks` the report of a run
of 200 pairs of masks, 512 x 512 pixels, whose chunks keep what was measured, is compared with that
of the same chunks with their images, which are measured for every report; by classes and by
objects.

Run it on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import statistics
import sys
import time
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from sklearn import metrics as sk

from brightfield.metrics import catalog
from brightfield.metrics.chunks.chunk import JSON, RunChunks
from brightfield.metrics.evaluation import DataLimits
from brightfield.progress import no_progress

MOST = 3.0  # times of scikit-learn
PAIRS, IN_A_CHUNK, SIDE = 200, 20, 512


@dataclass(frozen=True)
class Measured:
    """Seconds of two sides, round by round."""

    what: str
    bound: list[float]
    ours: list[float]

    @property
    def ratio(self) -> float:
        """The median of the rounds' ratios."""
        rounds = zip(self.ours, self.bound, strict=True)
        return statistics.median(ours / bound for ours, bound in rounds)

    def show(self) -> None:
        ours, bound = statistics.median(self.ours), statistics.median(self.bound)
        print(f"{self.what}: {ours:.2f} s against {bound:.2f} s, ratio {self.ratio:.2g}")


def rows(count: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Classes and scores in [0, 1], nearly all of them distinct."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, count)
    return truth, 1 / (1 + np.exp(-(truth + rng.normal(-0.5, 1.0, count))))


def report(truth: NDArray[np.int64], scores: NDArray[np.float64]) -> None:
    evaluation = catalog()["classification"]()
    data = {"truth": truth, "scores": scores}
    evaluation.evaluate(data, DataLimits(1, 1), no_progress)


def curves(truth: NDArray[np.int64], scores: NDArray[np.float64]) -> None:
    sk.roc_curve(truth, scores)
    sk.precision_recall_curve(truth, scores)


def masks(rng: np.random.Generator) -> dict[str, dict[str, str]]:
    """A pair of PNG files: some 30 numbered blobs, and the same a little moved."""
    field = ndimage.gaussian_filter(rng.normal(size=(SIDE, SIDE)), SIDE / 40)
    truth = ndimage.label(field > np.quantile(field, 0.7))[0].astype(np.uint8)
    return {"truth": png(truth), "prediction": png(np.roll(truth, 3, (0, 1)))}


def png(mask: NDArray[np.uint8]) -> dict[str, str]:
    stream = io.BytesIO()
    Image.fromarray(mask).save(stream, "PNG")
    return {"png": base64.b64encode(stream.getvalue()).decode()}


def runs_of_masks(mode: str) -> tuple[Callable[[], None], Callable[[], None]]:
    """The reports of a run with images, and of one with measures; tells the sizes of the chunks."""
    evaluation = catalog()["segmentation"](mode=mode)
    rng, limits = np.random.default_rng(0), DataLimits(SIDE**2, 1)
    sizes, images, measures = {}, [], []
    for number in range(PAIRS // IN_A_CHUNK):
        data = {"pairs": [masks(rng) for _ in range(IN_A_CHUNK)]}
        chunk = evaluation.chunk(data, limits, no_progress)
        key = f"{number:03}"
        sizes[key] = chunk.rows
        images.append((key, JSON, zlib.compress(json.dumps(data).encode(), 1)))
        measures.append((key, chunk.media_type, chunk.payload))
    mean = [sum(len(each[2]) for each in side) / len(side) for side in (images, measures)]
    print(f"{mode}: a chunk of {IN_A_CHUNK} pairs has {mean[1]:.0f} bytes against {mean[0]:.0f}")

    def reported(payloads: list[tuple[str, str, bytes]]) -> Callable[[], None]:
        parts = RunChunks(sizes, {"ids": False, "groups": False}, payloads)
        return lambda: check_same(mode, evaluation.together(parts, limits, no_progress))

    return reported(images), reported(measures)


KNOWN: dict[str, str] = {}
"""The first report of each kind as text."""


def check_same(kind: str, report: dict[str, Any]) -> None:
    text = json.dumps(report)
    assert KNOWN.setdefault(kind, text) == text


def seconds(work: Callable[[], None]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def alternated(
    what: str, bound: Callable[[], None], ours: Callable[[], None], rounds: int
) -> Measured:
    """Both in turn; the first round only warms up."""
    pairs = [(seconds(bound), seconds(ours)) for _ in range(rounds + 1)][1:]
    found = Measured(what, [pair[0] for pair in pairs], [pair[1] for pair in pairs])
    found.show()
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--masks", action="store_true")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    small = rows(args.rows)
    found = [
        alternated(
            f"{args.rows:,} rows against scikit-learn's two curves",
            lambda: curves(*small),
            lambda: report(*small),
            args.rounds,
        )
    ]
    if args.large:
        large = rows(10 * args.rows)
        what = f"{10 * args.rows:,} rows against {args.rows:,}"
        found.append(alternated(what, lambda: report(*small), lambda: report(*large), args.rounds))
    if args.masks:
        for mode in ("semantic", "instance"):
            what = f"{PAIRS} pairs of masks ({mode}), measures kept against images kept"
            found.append(alternated(what, *runs_of_masks(mode), args.rounds))
    if args.json:
        args.json.write_text(json.dumps([asdict(one) | {"ratio": one.ratio} for one in found]))
    return int(found[0].ratio > MOST)


if __name__ == "__main__":
    sys.exit(main())
