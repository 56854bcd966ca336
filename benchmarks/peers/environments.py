"""An environment for each peer, with that peer's packages and, behind them, PyTorch from this one.

    python benchmarks/peers/environments.py FOLDER [NAME ...]

What is there already is left as it is. PyTorch would take 5 GB each, so the environments read it,
torchvision and Pillow from the environment that runs this script; every other package is the
peer's own choice. TorchServe also needs Java.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

PACKAGES: Mapping[str, Sequence[str]] = {
    "mosec": ("mosec",),
    "litserve": ("litserve", "python-multipart"),
    "mlserver": ("mlserver",),
    "bentoml": ("bentoml",),
    "ray": ("ray[serve]",),
    "torchserve": ("torchserve", "torch-model-archiver", "setuptools<81", "pyyaml", "psutil"),
}
_ATTEMPTS = 3  # a registry may be slow to answer


def make(folder: Path, name: str) -> None:
    """The environment of one peer. Raises `CalledProcessError` where its packages can't be had."""
    place = folder / name
    done = place / "made"
    if done.exists():
        return
    venv.create(place, with_pip=True, clear=True)
    python = place / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", "--retries", str(_ATTEMPTS)]
    subprocess.run([*install, *PACKAGES[name]], check=True)
    (site,) = place.glob("lib/python*/site-packages")
    (site / "behind.pth").write_text(f"{Path(torch.__file__).parent.parent}\n")
    done.touch()


def main(folder: Path, names: Sequence[str]) -> None:
    for name in names or PACKAGES:
        print(name, flush=True)
        try:
            make(folder, name)
        except subprocess.CalledProcessError as fault:
            print(f"{name} can't be installed: {fault}", file=sys.stderr)


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute(), sys.argv[2:])
