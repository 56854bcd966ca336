"""The two networks that every server of the comparison runs, as files.

    python benchmarks/peers/networks.py FOLDER

`FOLDER/NAME.pt` is the module for the peers, and `FOLDER/cards/NAME` a model folder for Brightfield
where it doesn't ship the model. ResNet-18's weights would have to be downloaded, so its filters
are drawn (seed 0), its batch normalisation is measured on photographs, and its last layer is fitted
to tell these apart: the work is that of ResNet-18, and the answers are decided.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import torch
from handler import prepared
from safetensors.torch import save_file
from torch import nn
from torchvision.models import resnet18

from brightfield import zoo
from brightfield.cards import read_card
from brightfield.models.loading.build import build

sys.path.append(str(Path(__file__).parent.parent))
from load import photographs

NAMES = ("imagenet-lite0", "resnet18")
_CARD = """id = "resnet18-fitted"
version = "1"
task = "classify"
licence = "BSD-3-Clause"

[architecture]
name = "torchvision:resnet18"

[weights]
file = "weights.safetensors"
sha256 = "{digest}"

[input]
channels = 3
resize = {{ short = 256, interpolation = "bicubic" }}
crop = 224
mean = [0.4980392156862745, 0.4980392156862745, 0.4980392156862745]
std = [0.5019607843137255, 0.5019607843137255, 0.5019607843137255]

{labels}"""


def fitted_resnet18() -> nn.Module:
    """ResNet-18 with 1,000 classes, which gives each photograph a class of its own."""
    torch.manual_seed(0)
    network = resnet18(weights=None)
    rows = torch.stack([torch.from_numpy(prepared(body)) for body in photographs()])
    with torch.no_grad():
        network.train()
        for _ in range(20):
            network(rows)
        network.eval()
        fc, network.fc = network.fc, nn.Identity()  # type: ignore[assignment]
        features = network(rows)
        wanted = torch.zeros(len(rows), 1000)
        wanted[torch.arange(len(rows)), torch.arange(len(rows)) * 40] = 12.0
        middle = features.mean(0)
        fc.weight.copy_((torch.linalg.pinv(features - middle, rtol=1e-2) @ wanted).T)
        fc.bias.copy_(-fc.weight @ middle)
        network.fc = fc
    return network


def main(folder: Path) -> None:
    shipped = build(read_card(zoo.folder() / "imagenet-lite0")).eval()
    fitted = fitted_resnet18()
    card = folder / "cards" / "resnet18-fitted"
    card.mkdir(parents=True, exist_ok=True)
    labels = "".join(f'[[labels]]\nname = "class {index}"\n' for index in range(1000))
    weights = card / "weights.safetensors"
    save_file(fitted.state_dict(), weights)
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    (card / "card.toml").write_text(_CARD.format(labels=labels, digest=digest))
    for name, network in zip(NAMES, (shipped, fitted), strict=True):
        torch.save(network, folder / f"{name}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
