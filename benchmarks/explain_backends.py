"""What another backend saves an explanation that hides parts of an image, and a feature vector.

    python benchmarks/explain_backends.py [--model imagenet-lite0] [--rounds 3]

RISE (128 masks), Kernel SHAP, plain occlusion and the feature vector of a photograph, by the model
itself and by what the service has found to be fastest on this machine, in turns. Printed are the
medians of the ratios of paired times, and the largest difference of the values as a share of their
range. Run it on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import skimage.data

from brightfield import Engine, explain, tasks
from brightfield.engine.answer import Answer
from brightfield.settings import Settings

PHOTOGRAPH = Path(skimage.data.__file__).parent / "chelsea.png"
WORKS: tuple[Any, ...] = (
    explain.Rise(masks=128), explain.KernelShap(), explain.Occlusion(engine="plain"), tasks.Embed(),
)  # fmt: skip


def asked(engine: Engine, work: Any, model: str, backend: str) -> tuple[Answer, float]:
    begin = time.perf_counter()
    answer = engine.ask(work, PHOTOGRAPH, model=model, backend=backend)  # type: ignore[arg-type]
    return answer, time.perf_counter() - begin


def values(answer: Answer) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.asarray(answer.result.raster("image").array, dtype=float)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="imagenet-lite0")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    print("| work | by | times as fast | largest difference |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as data, Engine(Settings(data=Path(data))) as engine:
        resident = engine.registry.load(args.model).result()
        while resident.verdict.progress in ("off", "waiting", "preparing"):
            time.sleep(0.2)
        for work in WORKS:
            ratios, gaps = [], []
            for _ in range(args.rounds):
                own, slow = asked(engine, work, args.model, "eager")
                other, quick = asked(engine, work, args.model, "auto")
                ratios.append(slow / quick)
                gaps.append(np.abs(values(own) - values(other)).max() / np.ptp(values(own)))
            name, ran = type(work).__name__, f"{other.ran.backend} {other.ran.precision}"
            print(f"| {name} | {ran} | {median(ratios):.2f} | {max(gaps):.1e} |", flush=True)


if __name__ == "__main__":
    main()
