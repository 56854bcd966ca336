"""How much faster each backend runs the shipped models here, and how far it is from them.

    python benchmarks/backends.py [--models imagenet-lite0 nuclei] [--backends openvino]
        [--precisions fp32 bf16] [--threads 2] [--device cuda:0]

Every model is converted, compared and measured as the service does it, in a data folder of its own.
Printed are the ratios of the times of paired passes (the model's own over the backend's), the
median of five pairs, for one image and for eight, and the worst gap of each measure. Run it on a
machine that does nothing else.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from brightfield import Engine
from brightfield.runtime.acceleration.check_images import photographs
from brightfield.runtime.acceleration.verdict import Verdict
from brightfield.runtime.acceleration.wanted import Wanted
from brightfield.runtime.operations import Forward
from brightfield.runtime.resident import Resident
from brightfield.runtime.ticket import Ticket
from brightfield.settings import Settings

SHIPPED = (
    "imagenet-lite0", "blood-cell-types", "nuclei", "blood-cells", "photo-x2", "photo-x4",
    "microscopy-x2",
)  # fmt: skip
PAIRS = 5


def settled(resident: Resident) -> Verdict:
    while resident.verdict.progress in ("off", "waiting", "preparing"):
        time.sleep(0.2)
    return resident.verdict


def seconds(resident: Resident, forward: Forward, rows: int) -> float:
    images = photographs(resident.card.input, resident.shape)[:1]
    item = resident.submit(forward, images.expand(rows, -1, -1, -1), Ticket())
    item.result()
    return item.finished - item.started


def ratio(resident: Resident, rows: int) -> float:
    """The model's own time over the backend's, of pairs in turns."""
    eager = resident.predicting(Wanted("eager"))
    fast = resident.predicting()
    for forward in (eager, fast):
        seconds(resident, forward, rows)
    pairs = ((seconds(resident, eager, rows), seconds(resident, fast, rows)) for _ in range(PAIRS))
    return median(own / other for own, other in pairs)


def lines(resident: Resident) -> Iterator[str]:
    verdict = settled(resident)
    chosen = verdict.chosen
    if chosen is None:
        yield f"| {resident.card.id} | - | - | - | {verdict.reason} |"
        return
    gaps = "; ".join(f"{gap.measure}: {gap.value:.3g}" for gap in chosen.gaps)
    by = f"{verdict.backend} {verdict.precision}"
    one, several = ratio(resident, 1), ratio(resident, 8)
    yield f"| {resident.card.id} | {by} | {one:.2f} | {several:.2f} | {gaps} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", default=SHIPPED)
    parser.add_argument("--backends", nargs="+", default=["openvino"])
    parser.add_argument("--precisions", nargs="+", default=["fp32", "bf16"])
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    print("| model | by | one image | eight | gaps |\n|---|---|---|---|---|")
    for backend in args.backends:
        for precision in args.precisions:
            with tempfile.TemporaryDirectory() as data:
                settings = Settings(
                    data=Path(data), backend=backend, precision=precision, threads=args.threads,
                    device=args.device,
                )  # fmt: skip
                with Engine(settings) as engine:
                    for name in args.models:
                        resident = engine.registry.load(name).result()
                        print("\n".join(lines(resident)), flush=True)


if __name__ == "__main__":
    main()
