"""Model folders whose code misbehaves, on a picture that is all white or while it loads.

On every other picture all are good models; `good` never misbehaves.
"""

from __future__ import annotations

from pathlib import Path

_CARD = """id = "{name}"
version = "1"
task = "classify"
licence = "none"
labels = [{{ name = "a" }}, {{ name = "b" }}]

[architecture]
name = "python:model.py:make"

[input]
size = [32, 32]
"""

_CODE = """import ctypes, os, signal, sys, time

import torch


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.maps = torch.nn.Conv2d(3, 4, 3, padding=1)
        self.linear = torch.nn.Linear(4, 2)

    def forward(self, x):
        y = self.linear(self.maps(x).relu().mean((2, 3)))
        if bool((x.amin(dim=(1, 2, 3)) > 0.99).any()):
            {forward}
        return y


def make(**arguments):
    {load}
    return Model()
"""

FORWARD = {
    "good": "pass",
    "exits": "sys.exit(3)",
    "loops": "while True: pass",
    "sleeps": "time.sleep(10**9)",
    "forks": "os.fork()",
    "allocates": "y = torch.ones(10**13)",
    "crashes": "ctypes.string_at(0)",
    "quits": "os._exit(7)",
    "killed": "os.kill(os.getpid(), signal.SIGKILL)",
    "nan": 'y = y * float("nan")',
}
LOAD = {
    "load-exits": "sys.exit(1)",
    "load-hangs": "time.sleep(10**9)",
    "load-crashes": "ctypes.string_at(0)",
    "decoder-hangs": (
        "import brightfield.engine.image_pass as image_pass; "
        "image_pass.decode = lambda *a, **k: time.sleep(10**9)"
    ),
}


def write_lab_models(folder: Path) -> str:
    """Write all of them below the folder, for the setting `models`."""
    bodies = {name: (body, "pass") for name, body in FORWARD.items()}
    bodies |= {name: ("pass", body) for name, body in LOAD.items()}
    for name, (forward, load) in bodies.items():
        place = folder / name
        place.mkdir(parents=True)
        (place / "card.toml").write_text(_CARD.format(name=name))
        (place / "model.py").write_text(_CODE.format(forward=forward, load=load))
    return str(folder)
