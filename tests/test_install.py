"""How Brightfield is installed: PyTorch without CUDA, and images that old Docker builds."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from itertools import takewhile
from pathlib import Path

import pytest
import yaml

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


# What Docker 20.10 builds without BuildKit: its instructions, each with the flags that it takes.
_FLAGS = {
    "FROM": {"platform"}, "COPY": {"chown", "from"}, "ADD": {"chown"},
    "HEALTHCHECK": {"interval", "timeout", "start-period", "retries"},
    **{name: set() for name in ("ARG", "CMD", "ENTRYPOINT", "ENV", "EXPOSE", "LABEL", "ONBUILD",
                                "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR")},
}  # fmt: skip
# Of a service, what docker-compose 1.29 and all later ones know.
_KEYS = {
    "build", "cap_drop", "deploy", "environment", "image", "logging", "ports", "restart",
    "security_opt", "stop_grace_period", "volumes",
}  # fmt: skip


def instructions() -> list[tuple[str, list[str]]]:
    """Those of the Dockerfile, as its own parser reads them: name and words."""
    text = (ROOT / "Dockerfile").read_text("utf-8")
    assert not re.match(r"#\s*(syntax|escape|check)\s*=", text)
    lines = [line for line in text.splitlines() if not re.match(r"\s*#", line)]
    joined = re.sub(r"\\\s*\n", " ", "\n".join(lines)).splitlines()
    return [(name, rest) for name, *rest in (line.split() for line in joined if line.strip())]


def test_the_image_needs_no_newer_docker_than_20() -> None:
    found = instructions()
    assert found[0][0] == "FROM"
    for name, words in found:
        given = {word[2:].partition("=")[0] for word in takewhile(_is_flag, words)}
        assert given <= _FLAGS[name], (name, words)
        assert not any(word.startswith("<<") for word in words), (name, words)
    named = [name for name, _ in found]
    assert named.count("HEALTHCHECK") == named.count("CMD") == 1
    assert ("USER", ["brightfield"]) in found[named.index("RUN") :]


def _is_flag(word: str) -> bool:
    return word.startswith("--")


def test_the_compose_file_needs_no_newer_compose_than_1_29() -> None:
    read = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    assert set(read) == {"services", "volumes"}
    (service,) = read["services"].values()
    assert set(service) <= _KEYS
    assert service["build"] == {"context": ".", "args": {"TORCH": "${TORCH:-}"}}
    assert all(each.split(":")[0] in read["volumes"] for each in service["volumes"])
    assert service["ports"] == ["127.0.0.1:8000:8000"]
