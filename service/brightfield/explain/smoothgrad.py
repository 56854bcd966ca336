"""Saliency by the mean gradient over noisy copies of the image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import torch
from pydantic import Field

from brightfield.explain.kinds.pixel_gradients import PixelGradients
from brightfield.explain.maps.saliency_map import saliency_map
from brightfield.explain.method import Step
from brightfield.explain.probing.probe import Probe
from brightfield.tensors import Images, chunked


class SmoothGrad(PixelGradients):
    """max over channels of |mean of d score / d x at x + noise|, noise ~ N(0, (sigma * range)^2).

    `range` is max(x) - min(x) of the normalised input. Unsigned; the same seed gives the same
    noise, whatever the batch size. Source: Smilkov et al. 2017.
    """

    samples: Annotated[int, Field(ge=1, le=10_000)] = 50
    """Noisy copies."""
    sigma: Annotated[float, Field(ge=0, le=10)] = 0.15
    """Standard deviation of the noise, as a part of the input's range."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the noise."""

    def explain(self, probe: Probe, images: Images) -> Iterator[Step]:
        total = torch.zeros_like(images[0])
        done = 0
        chunks = chunked(self._noisy(images), probe.chunk(gradients=True))
        for gradient in probe.gradients(chunks):
            total += gradient.gradients.sum(dim=0)
            done += len(gradient.gradients)
            if done < self.samples:
                yield Step(done, self.samples)
        values = (total / self.samples).abs().amax(dim=0)
        result = saliency_map(self.name, probe, values, signed=False, seed=self.seed)
        yield Step(done, self.samples, result=result)

    def _noisy(self, images: Images) -> Iterator[torch.Tensor]:
        """One copy at a time, so that the noise does not depend on how the copies are chunked."""
        generator = torch.Generator().manual_seed(self.seed)
        deviation = self.sigma * (images.max() - images.min())
        for _ in range(self.samples):
            noise = torch.randn(images.shape[1:], generator=generator, dtype=images.dtype)
            yield images[0] + deviation * noise
