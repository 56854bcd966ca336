"""Agreement of enlarged images."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from brightfield.cards import ModelCard
from brightfield.models.examination.gaps import Gap

# Decibels; at 60 the root mean square of the differences is a quarter of a grey level of 256.
_PSNR = 60.0


def compared_pixels(expected: Tensor, found: Tensor, card: ModelCard) -> Sequence[Gap]:
    """The least peak signal-to-noise ratio of an image against the expected one, in decibels.

    PSNR = -10 log10(mean of squared differences), of values from 0 to 1.
    """
    std = torch.tensor(card.input.std).view(1, -1, 1, 1) if card.input.pixels != "raw" else 1.0
    errors = ((expected.double() - found.double()) * std).square().flatten(1).mean(1)
    most = float(errors.max())
    psnr = -10 * math.log10(most) if most > 0 else math.inf
    return (Gap("least PSNR, in dB", psnr, _PSNR, at_least=True),)
