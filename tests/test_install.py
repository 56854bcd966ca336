"""How Brightfield is installed: PyTorch without CUDA, and images that old Docker builds."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def made(*given: str) -> subprocess.CompletedProcess[str]:
    """What `make serve` would run."""
    make = shutil.which("make")
    if make is None:
        pytest.skip("make is not installed")
    command = [make, "-n", "serve", *given]
    return subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)


def torch_line(*given: str) -> list[str]:
    """The words of the command that installs PyTorch alone."""
    lines = made(*given).stdout.splitlines()
    found = [shlex.split(line) for line in lines if line.endswith("torch torchvision")]
    return found[0] if found else []


def test_pytorch_without_cuda_comes_first_and_from_its_own_index(tmp_path: Path) -> None:
    place = f"VENV={tmp_path / 'new'}"
    words = torch_line("TORCH=cpu", place)
    assert words[-5:] == [
        "--no-deps", "--index-url", "https://download.pytorch.org/whl/cpu", "torch", "torchvision",
    ]  # fmt: skip
    order = made("TORCH=cpu", place).stdout
    assert order.index("torch torchvision") < order.index("'.[service]'")
    assert torch_line(place) == []
    assert "TORCH is cpu or nothing" in made("TORCH=gpu", place).stderr


def stand_in(folder: Path, name: str) -> None:
    """A wheel with a module of that name and nothing else."""
    info = f"{name}-9.0+cpu.dist-info"
    with zipfile.ZipFile(folder / f"{name}-9.0+cpu-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", "stands_in = True\n")
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 9.0+cpu\n"
        )
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")


@pytest.mark.slow
def test_the_wheels_of_a_folder_are_installed_without_a_network(tmp_path: Path) -> None:
    for name in ("torch", "torchvision"):
        stand_in(tmp_path, name)
    place = tmp_path / "env"
    subprocess.run([sys.executable, "-m", "venv", place], check=True)
    words = torch_line("TORCH=cpu", f"TORCH_WHEELS={tmp_path}", f"VENV={place}")
    plain = {"PATH": os.environ["PATH"], "PIP_CONFIG_FILE": os.devnull}
    subprocess.run(words, cwd=ROOT, env=plain, check=True)
    asked = "import torch, torchvision; print(torch.stands_in, torchvision.stands_in)"
    told = subprocess.check_output([place / "bin" / "python", "-c", asked], text=True)
    assert told == "True True\n"


def test_the_image_needs_no_newer_docker_than_20() -> None:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    assert not re.search(r"--start-interval|--mount|--link|--exclude|<<|^# syntax", text, re.M)
    assert "TORCH: ${TORCH:-}" in (ROOT / "docker-compose.yml").read_text("utf-8")
