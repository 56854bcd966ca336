"""Cards of the networks in dense_nets.py; `write` puts a folder with each beside the others."""

from __future__ import annotations

import shutil
from pathlib import Path

_ONE = "labels = [{name='bright', color=[10, 200, 30]}]"
_TWO = "labels = [{name='first'}, {name='second'}]"
_SIGMOID = "[output]\nactivation = 'sigmoid'"
_ENLARGED = "[output]\nactivation = 'none'\nscale = {}"

# Task, labels, the architecture's callable and arguments, and the rest, by the model's id.
CARDS: dict[str, tuple[str, str, str, str]] = {
    "bright": ("segment", _ONE, "bright\nclasses = 1", _SIGMOID),
    "levels": ("segment", _TWO, "bright\nclasses = 2", _SIGMOID),
    "ground": ("segment", _ONE, "bright\nclasses = 2", "[output]\nactivation = 'softmax'"),
    "strided-2": (
        "segment", _TWO, "strided\nstride = 2", "[input]\nsize = {multiple = 2}\n" + _SIGMOID,
    ),
    "strided-4": (
        "segment", _TWO, "strided\nstride = 4", "[input]\nsize = {multiple = 4}\n" + _SIGMOID,
    ),
    "coarse": (
        "segment", _TWO, "strided\nstride = 4\nfinest = 4",
        "[input]\nsize = {multiple = 4}\n" + _SIGMOID,
    ),
    "touching": (
        "segment", _ONE, "touching",
        _SIGMOID + "\ninstances = {smoothing = 0.0, saddle = 0.9, min_area = 4}",
    ),
    "one-map": (
        "segment", _ONE, "bright\nclasses = 1", _SIGMOID + "\ninstances = {saddle = 0.9}",
    ),
    "sized": (
        "segment", _ONE, "bright\nclasses = 1",
        "[input]\npixel_size = 0.5\nobjects = {smallest = 8, typical = 16, largest = 32}\n"
        + _SIGMOID,
    ),
    "unnamed": ("segment", "", "bright\nclasses = 1", _SIGMOID),
    "everywhere": (
        "segment", _TWO, "everywhere\nstride = 2", "[input]\nsize = {multiple = 2}\n" + _SIGMOID,
    ),
    "constant": ("segment", _ONE, "constant\nvalue = 1.0\nmaps = 1", _SIGMOID),
    "resized": ("segment", _ONE, "bright\nclasses = 1", "[input]\nsize = [32, 32]\n" + _SIGMOID),
    "raw-bright": (
        "segment", _ONE, "bright\nclasses = 1",
        "[input]\npixels = 'raw'\nchannels = 1\n" + _SIGMOID,
    ),
    "stamps": (
        "segment", _TWO, "stamps", "[input]\nsize = {multiple = 16}\n" + _SIGMOID,
    ),
    "cells-2": (
        "detect", _TWO, "cells\nstride = 2", "[input]\nsize = {multiple = 2}\n" + _SIGMOID,
    ),
    "cells-4": (
        "detect", _TWO, "cells\nstride = 4",
        "[input]\nsize = {multiple = 4}\n" + _SIGMOID + "\nthreshold = 0.9",
    ),
    "one-label": (
        "detect", _ONE, "cells\nstride = 4", "[input]\nsize = {multiple = 4}\n" + _SIGMOID,
    ),
    "found": (
        "detect", _TWO, "found", "[input]\nsize = {multiple = 8}\n" + _SIGMOID,
    ),
    "felt": (
        "segment", _TWO, "felt\nclasses = 2", "[input]\nsize = {multiple = 8}\n" + _SIGMOID,
    ),
    "felt-one-by-one": (
        "segment", _ONE, "felt\nclasses = 2",
        "[input]\nsize = {multiple = 8}\n" + _SIGMOID + "\ninstances = {smoothing = 0.0}",
    ),
    "repeat-x2": ("superresolve", "", "repeated\nscale = 2", _ENLARGED.format(2)),
    "repeat-x3": ("superresolve", "", "repeated\nscale = 3", _ENLARGED.format(3)),
    "repeat-x4": ("superresolve", "", "repeated\nscale = 4", _ENLARGED.format(4)),
    "normal-x2": (
        "superresolve", "", "repeated\nscale = 2",
        "[input]\norder = 'BGR'\nmean = [0.5, 0.4, 0.3]\nstd = [0.2, 0.25, 0.5]\n"
        + _ENLARGED.format(2),
    ),
    "grey-x2": (
        "superresolve", "", "repeated\nscale = 2", "[input]\nchannels = 1\n" + _ENLARGED.format(2),
    ),
    "smooth-x2": ("superresolve", "", "smooth\nscale = 2", _ENLARGED.format(2)),
    "smooth-x4": ("superresolve", "", "smooth\nscale = 4", _ENLARGED.format(4)),
    "faded-x2": ("superresolve", "", "smooth_everywhere\nscale = 2", _ENLARGED.format(2)),
    "flat-x2": ("superresolve", "", "flat\nvalue = 0.5\nscale = 2", _ENLARGED.format(2)),
    "fixed-x2": (
        "superresolve", "", "repeated\nscale = 2",
        "[input]\nsize = [16, 16]\n" + _ENLARGED.format(2),
    ),
    "small": ("superresolve", "", "broken\nhow = 'small'", _ENLARGED.format(2)),
    "nothing": ("superresolve", "", "broken\nhow = 'nothing'", _ENLARGED.format(2)),
}  # fmt: skip


def write(folder: Path) -> None:
    """A model folder for every card."""
    for name, (task, labels, architecture, rest) in CARDS.items():
        callable_, _, arguments = architecture.partition("\n")
        lines = [
            f"id = '{name}'\nversion = '1'\nlicence = 'Apache-2.0'\ntask = '{task}'\n{labels}",
            f"[architecture]\nname = 'python:dense_nets.py:{callable_}'\n{arguments}",
            rest,
        ]
        (folder / name).mkdir()
        (folder / name / "card.toml").write_text("\n".join(lines), encoding="utf-8")
        shutil.copy(Path(__file__).with_name("dense_nets.py"), folder / name)
