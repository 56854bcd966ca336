"""Explanations against Captum, and occlusion's engines against each other, in one run.

    python benchmarks/explain.py [--rounds 3] [--models imagenet-lite0 resnet18] [--part NAME]

Parts: `occlusion` (window 32, stride 16, border cut, zero baseline: the engines plain, incremental
and auto, and Captum's Occlusion at its best `perturbations_per_eval`), `gradients` (50 steps of
integrated gradients, 50 samples of SmoothGrad, Captum at its best internal batch) and `memory`
(what 200 steps take beyond a loaded and warm model, each in a process of its own; Captum at that
batch and at its default).

Both sides have the same network, the same image and as many threads; ours goes the way of the
service, chunk by chunk over a lane, and the service lays every network out channels last. Captum
gets the network as its builder makes it; for occlusion also channels last, so that it shows how
much the layout alone does. Each side is run once before it counts. Then the
sides take turns, and a ratio is the median over the rounds. Maps are compared: the
greatest difference by the range of the values; for SmoothGrad, whose noise differs, the
correlation. Weights of networks other than the shipped one are random, with batch statistics.

Run it on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import skimage.data
import torch
from captum.attr import IntegratedGradients, NoiseTunnel, Occlusion, Saliency
from torch import Tensor, nn
from torchvision import models

from brightfield import explain, zoo
from brightfield.cards import ModelCard, read_card
from brightfield.engine.probe import LaneProbe
from brightfield.errors import Unexplainable
from brightfield.geometry import Geometry
from brightfield.images.picture import Picture
from brightfield.models.loading.build import build
from brightfield.preprocess import preprocess
from brightfield.runtime.lane import Lane
from brightfield.runtime.loading import normalising_end
from brightfield.runtime.resident import Resident
from brightfield.runtime.telemetry import Telemetry
from brightfield.runtime.ticket import Ticket
from brightfield.targets import Target
from brightfield.tensors import Map

METHODS = explain.catalog()
BATCHES = (1, 2, 4, 8, 16)
WINDOW, STRIDE, STEPS, MANY = 32, 16, 50, 200


@dataclass
class Subject:
    """A network, one image as it takes it, and the class to explain."""

    resident: Resident
    images: Tensor
    geometry: Geometry
    target: int
    _networks: dict[torch.memory_format, nn.Module] = field(default_factory=dict)

    @property
    def module(self) -> nn.Module:
        return self.resident.module

    def network(self, layout: torch.memory_format) -> nn.Module:
        """The network in a layout; a copy, where the resident one has another."""
        if layout not in self._networks:
            self._networks[layout] = deepcopy(self.module).to(memory_format=layout)
        return self._networks[layout]

    def ours(self, method: str, **parameters: Any) -> Any:
        """The method's result, by the service's own way."""
        target = Target(str(self.target), self.target, partial(logit, self.target), 0.0)
        probe = LaneProbe(self.resident, [target], self.geometry, Ticket())
        *_, last = METHODS[method](**parameters)(probe, self.images)
        return last.result


def logit(target: int, output: Tensor) -> Tensor:
    return output[:, target]


@contextmanager
def subject(name: str, threads: int) -> Iterator[Subject]:
    torch.set_num_threads(threads)
    card = read_card(zoo.folder() / "imagenet-lite0")
    module = build(card) if name == card.id else network(name)
    lane = Lane(torch.device("cpu"), Telemetry(), threads)
    try:
        yield made(card, module, lane)
    finally:
        lane.stop()


def made(card: ModelCard, module: nn.Module, lane: Lane) -> Subject:
    seen = preprocess(Picture(skimage.data.chelsea(), "", "png", "YXC"), card.input)
    resident = Resident(card, module.eval().requires_grad_(False), lane, 0)
    resident.call(resident.move_to_device).result()
    resident.cut = resident.call(lambda: normalising_end(resident)).result()
    resident.warm_up()
    images = resident.place(seen.tensor)
    with torch.inference_mode():
        target = int(module(images).argmax())
    return Subject(resident, images, seen.geometry, target)


def network(name: str) -> nn.Module:
    """By name, with random weights and the batch norm statistics of one batch of noise."""
    torch.manual_seed(0)
    module = models.get_model(name)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.momentum = 1.0
    with torch.no_grad():
        module.train()(torch.randn(4, 3, 224, 224))
    return module.eval()


Run = Callable[[], Any]


def in_turns(runs: Mapping[str, Run], rounds: int) -> tuple[dict[str, list[float]], dict[str, Any]]:
    """Seconds of each run in each round, after one that does not count; and what each gave."""
    found = {name: run() for name, run in runs.items()}
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    return seconds, found


def best(runs: Mapping[int, Run]) -> int:
    """The batch size of the quickest of some runs, timed once after one that does not count."""
    seconds: dict[int, float] = {}
    for batch, run in runs.items():
        run()
        start = time.perf_counter()
        run()
        seconds[batch] = time.perf_counter() - start
    return min(seconds, key=lambda batch: seconds[batch])


def ratio(seconds: Mapping[str, Sequence[float]], slow: str, fast: str) -> str:
    pairs = zip(seconds[slow], seconds[fast], strict=True)
    each = [a / b for a, b in pairs]
    return f"{statistics.median(each):.2f} times ({min(each):.2f} to {max(each):.2f})"


def difference(ours: Map, theirs: Tensor) -> float:
    reference = theirs.numpy()
    return float(np.abs(ours - reference).max() / np.ptp(reference))


def occlusion(name: str, of: Subject, rounds: int) -> None:
    same = {"window": WINDOW, "stride": STRIDE, "border": "cut", "baseline": "mean"}

    def captum(layout: torch.memory_format, batch: int) -> Tensor:
        found: Tensor = Occlusion(of.network(layout)).attribute(
            of.images.contiguous(memory_format=layout), target=of.target, baselines=0,
            strides=(3, STRIDE, STRIDE), sliding_window_shapes=(3, WINDOW, WINDOW),
            perturbations_per_eval=batch,
        )  # fmt: skip
        return found[0, 0]

    sides = {
        "captum": partial(captum, torch.contiguous_format),
        "captum channels last": partial(captum, torch.channels_last),
    }
    batches = {
        side: best({size: partial(run, size) for size in BATCHES}) for side, run in sides.items()
    }
    engines = ("plain", "incremental", "auto") if traced(of, same) else ("plain", "auto")
    runs: dict[str, Run] = {
        engine: partial(of.ours, "occlusion", **same, engine=engine) for engine in engines
    }
    runs |= {side: partial(run, batches[side]) for side, run in sides.items()}
    with torch.no_grad():
        seconds, found = in_turns(runs, rounds)
    print(f"{name}: occlusion, window {WINDOW}, stride {STRIDE} ({median(seconds)})")
    for side, batch in batches.items():
        print(f"  plain over {side} at {batch} a pass: {ratio(seconds, side, 'plain')}")
    if "incremental" in engines:
        print(f"  incremental over plain: {ratio(seconds, 'plain', 'incremental')}")
    print(f"  auto over plain: {ratio(seconds, 'plain', 'auto')}; {found['auto'].facts['engine']}")
    for engine in engines:
        of_map = difference(found[engine].main, found["captum"])
        print(f"  the {engine} map differs from Captum's by {of_map:.1e} of its range")


def traced(of: Subject, parameters: Mapping[str, Any]) -> bool:
    """Whether the model can be computed incrementally."""
    try:
        of.ours("occlusion", **parameters, engine="incremental")
    except Unexplainable:
        return False
    return True


def captum_integrated(of: Subject, steps: int, batch: int | None) -> Tensor:
    found: Tensor = IntegratedGradients(of.network(torch.contiguous_format)).attribute(
        of.images.contiguous(), target=of.target, n_steps=steps, internal_batch_size=batch,
        baselines=0,
    )  # fmt: skip
    return found[0].sum(0).detach()


def captum_smooth(of: Subject, samples: int, batch: int | None) -> Tensor:
    span = float(of.images.max() - of.images.min())
    tunnel = NoiseTunnel(Saliency(of.network(torch.contiguous_format)))
    found: Tensor = tunnel.attribute(
        of.images.contiguous(), target=of.target, nt_samples=samples, nt_samples_batch_size=batch,
        stdevs=0.15 * span, abs=False,
    )  # fmt: skip
    return found[0].abs().amax(0).detach()


CAPTUM = {"integrated_gradients": captum_integrated, "smoothgrad": captum_smooth}
COUNT = {"integrated_gradients": "steps", "smoothgrad": "samples"}


def gradients(name: str, of: Subject, rounds: int) -> dict[str, int]:
    batches = {}
    for method, captum in CAPTUM.items():
        batch = best({size: partial(captum, of, STEPS, size) for size in BATCHES})
        batches[method] = batch
        runs: dict[str, Run] = {
            "ours": partial(of.ours, method, **{COUNT[method]: STEPS}),
            "captum": partial(captum, of, STEPS, batch),
        }
        seconds, found = in_turns(runs, rounds)
        print(f"{name}: {method}, {STEPS} {COUNT[method]} ({median(seconds)})")
        print(f"  over Captum at {batch} a pass: {ratio(seconds, 'captum', 'ours')}")
        if method == "smoothgrad":
            pair = found["ours"].main.ravel(), found["captum"].numpy().ravel()
            print(f"  maps correlate by {np.corrcoef(*pair)[0, 1]:.3f}")
        else:
            of_map = difference(found["ours"].main, found["captum"])
            print(f"  maps differ by {of_map:.1e} of the range")
    return batches


def memory(name: str, batches: Mapping[str, int], threads: int) -> None:
    """Each side in a process of its own, since a peak does not come down again."""
    for method, batch in batches.items():
        sides = {"ours": "ours", f"Captum at {batch}": str(batch), "Captum's default": "0"}
        taken = {
            side: int(
                subprocess.run(
                    [sys.executable, __file__, "--peak", name, method, how,
                     "--threads", str(threads)],
                    capture_output=True, text=True, check=True,
                ).stdout
            )
            for side, how in sides.items()
        }  # fmt: skip
        listed = ", ".join(f"{side} {kib / 1024:.0f} MiB" for side, kib in taken.items())
        print(f"{name}: {method}, {MANY} {COUNT[method]}: {listed}")


def peak(name: str, method: str, how: str, threads: int) -> None:
    """Print the KiB by which one explanation raises the process's peak."""
    with subject(name, threads) as of:
        of.ours("gradient")
        of.network(torch.contiguous_format)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if how == "ours":
            of.ours(method, **{COUNT[method]: MANY})
        else:
            CAPTUM[method](of, MANY, int(how) or None)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)


def median(seconds: Mapping[str, Sequence[float]]) -> str:
    return ", ".join(f"{name} {statistics.median(each):.2f} s" for name, each in seconds.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--models", nargs="+", default=["imagenet-lite0", "resnet18"])
    parser.add_argument("--part", choices=("occlusion", "gradients", "memory"))
    parser.add_argument("--peak", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.peak:
        peak(*given.peak, given.threads)
        return
    for name in given.models:
        with subject(name, given.threads) as of:
            if given.part in (None, "occlusion"):
                occlusion(name, of, given.rounds)
            batches = dict.fromkeys(CAPTUM, 4)
            if given.part in (None, "gradients"):
                batches = gradients(name, of, given.rounds)
        if given.part in (None, "memory"):
            memory(name, batches, given.threads)


if __name__ == "__main__":
    main()
