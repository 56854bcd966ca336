"""Follows the README, then each how-to, in a fresh clone and a fresh environment.

    python3 tests/docs/fresh.py                 all of it
    python3 tests/docs/fresh.py --readme        the README alone, from the clone to the pictures

The README's commands run as they are printed, in order; only the port is another one, since 8000
may be taken. `cup.png` and `cat.png` come from scikit-image, which the installation brings. The
lines of the how-tos are run by tests/docs, in the same clone and environment with `[dev]`. Needs
git, Python 3.11 and the package index; takes the disk of an installation, which goes at the end.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from tempfile import mkdtemp

ROOT = Path(__file__).resolve().parents[2]
_IMAGES = """
import skimage.data
from PIL import Image
Image.fromarray(skimage.data.coffee()).save("cup.png")
Image.fromarray(skimage.data.chelsea()).save("cat.png")
"""


def main() -> int:
    """Follow the pages, and say how long each step took."""
    parser = argparse.ArgumentParser(description="Follow README and how-tos in a fresh clone.")
    parser.add_argument("--readme", action="store_true", help="the README alone")
    chosen = parser.parse_args()
    place = Path(mkdtemp(prefix="brightfield-fresh-"))
    try:
        follow_readme(place / "brightfield")
        if not chosen.readme:
            follow_how_tos(place / "brightfield")
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return 0


def follow_readme(clone: Path) -> None:
    """Clone, install, serve, ask from a shell and from Python."""
    step("git clone", ["git", "clone", "--quiet", str(ROOT), str(clone)], ROOT)
    install, shell, code = printed(clone)
    *before, serve = install
    for line in before:
        step(line, ["bash", "-c", line], clone)
    size = sum(f.stat().st_size for f in (clone / ".venv").rglob("*") if not f.is_symlink())
    print(f"the environment has {size / 1e9:.1f} GB", flush=True)
    step("images", [str(clone / ".venv/bin/python"), "-c", _IMAGES], clone)
    port = free_port()
    with subprocess.Popen(
        ["bash", "-c", f"exec {serve}"], cwd=clone, env=environment(clone, port)
    ) as service:
        try:
            wait_for(port)
            for line in shell:
                step(line, ["bash", "-c", line], clone, port)
            own = code.replace("127.0.0.1:8000", f"127.0.0.1:{port}")
            step("the lines of Python", [str(clone / ".venv/bin/python"), "-c", own], clone, port)
        finally:
            service.terminate()
    for name in ("map.png", "grad_cam.png"):
        assert (clone / name).stat().st_size > 10_000, name


def follow_how_tos(clone: Path) -> None:
    """The tests that run the lines of every page, in the clone's own environment."""
    python = str(clone / ".venv/bin/python")
    step("pip install", [python, "-m", "pip", "install", "--quiet", "-e", ".[dev]"], clone)
    step("tests/docs", [python, "-m", "pytest", "tests/docs", "-m", "slow or not slow"], clone)


def printed(clone: Path) -> tuple[list[str], list[str], str]:
    """The README's lines: to install and serve, to ask from a shell, and of Python."""
    text = (clone / "README.md").read_text("utf-8")
    install, shell, code = (
        re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)[0]
        for language in ("sh", "bash", "python")
    )
    return install.splitlines(), shell.splitlines(), code


def step(name: str, command: list[str], folder: Path, port: int = 0) -> None:
    """Run a command, which must succeed, and say how long it took."""
    begun = time.monotonic()
    subprocess.run(command, cwd=folder, env=environment(folder, port), check=True)
    print(f"{time.monotonic() - begun:7.1f} s  {name}", flush=True)


def environment(clone: Path, port: int) -> dict[str, str]:
    """As of an activated environment: nothing of the one that this script runs in."""
    kept = {name: each for name, each in os.environ.items() if not name.startswith("PYTHON")}
    kept |= {"PATH": f"{clone / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    address = {"BRIGHTFIELD_PORT": str(port), "BRIGHTFIELD_URL": f"http://127.0.0.1:{port}"}
    return kept | {"BRIGHTFIELD_DATA": str(clone / "data")} | (address if port else {})


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_for(port: int, seconds: float = 180) -> None:
    """Until the service is ready."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    raise TimeoutError("the service is not ready")


if __name__ == "__main__":
    sys.exit(main())
