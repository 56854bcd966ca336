"""What a precision changes of a classifier's answers: scores, and the first class of close calls.

    python benchmarks/close_calls.py [--model imagenet-lite0] [--images 200]

The model is run by PyTorch in fp32 and by OpenVINO in each precision that the processor has, on the
same crops of photographs. For each it prints the largest and the median difference of a score, how
many images got another first class, and how far apart the two best scores of these were in fp32.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from load import photographs
from numpy.typing import NDArray

from brightfield.cards import ModelCard, read_card
from brightfield.images.decode import decode
from brightfield.images.limits import Limits
from brightfield.models.loading.build import build
from brightfield.preprocess import preprocess
from brightfield.runtime.acceleration.network import OutputTensors
from brightfield.runtime.backends import catalog
from brightfield.runtime.backends.inference_backend import Source
from brightfield.zoo import folder

CPU = torch.device("cpu")
MOST_PIXELS = 100_000_000


def main(given: argparse.Namespace) -> None:
    card = read_card(folder() / given.model)
    rows = torch.cat(list(itertools.islice(prepared(card), given.images)))
    with torch.inference_mode(), tempfile.TemporaryDirectory() as work:
        network = OutputTensors(build(card).eval(), None)
        own = network(rows)[0].softmax(1).numpy()
        backend = catalog()["openvino"]
        backend.convert(network, rows[:2], Path(work))
        source = Source(network, Path(work), CPU, torch.get_num_threads())
        for precision in backend.precisions(CPU):
            run = backend.prepare(source, precision).run
            parts = [run(part)[0].clone().softmax(1) for part in rows.split(8)]
            tell(precision, own, torch.cat(parts).numpy())


def prepared(card: ModelCard) -> Iterator[torch.Tensor]:
    for seed in itertools.count():
        for body in photographs(seed=seed):
            yield preprocess(decode(body, limits=Limits(MOST_PIXELS)), card.input).tensor


def tell(precision: str, own: NDArray[np.float32], found: NDArray[np.float32]) -> None:
    difference = np.abs(found - own).max(1)
    changed = np.flatnonzero(found.argmax(1) != own.argmax(1))
    best = np.sort(own[changed], 1)
    margins = [round(float(margin), 4) for margin in np.sort(best[:, -1] - best[:, -2])]
    print(
        f"{precision}: largest difference {difference.max():.2g}, median "
        f"{np.median(difference):.2g}; {len(changed)} of {len(own)} have another first class, "
        f"with margins {margins}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model", default="imagenet-lite0")
    parser.add_argument("--images", type=int, default=200)
    main(parser.parse_args())
