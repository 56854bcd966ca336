"""VGG with a narrow head: torchvision's own takes half a gigabyte."""

from __future__ import annotations

import torch
from torch import nn
from torchvision.models import VGG, get_model


def narrow_vgg(name: str, classes: int, width: int = 64) -> VGG:
    """torchvision's network of that name, its head `width` instead of 4096 features wide."""
    with torch.device("meta"):
        made: VGG = get_model(name, weights=None, num_classes=classes)
    made.features.to_empty(device="cpu")
    for part in made.features:
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(part.bias)  # type: ignore[arg-type]
        elif isinstance(part, nn.BatchNorm2d):
            part.reset_parameters()
    made.classifier = nn.Sequential(
        *(nn.Linear(512 * 7 * 7, width), nn.ReLU(inplace=True), nn.Dropout()),
        *(nn.Linear(width, width), nn.ReLU(inplace=True), nn.Dropout()),
        nn.Linear(width, classes),
    )
    return made
