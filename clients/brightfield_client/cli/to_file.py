"""The commands that write one file, whose suffix says as what."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from brightfield_client.calls.endpoints import any_endpoint
from brightfield_client.cli.command import CONNECTION, FILES, Command, Flag, choices, flag, given
from brightfield_client.cli.connect import connect
from brightfield_client.cli.exits import OK, SOME_FAILED, Stop, complain, sentence
from brightfield_client.cli.files import expand, write_answer
from brightfield_client.client import Client
from brightfield_client.errors import ApiError
from brightfield_client.images import StoredImage
from brightfield_client.progress import ProgressBar
from brightfield_client.results.binary import Binary

_BY_OCCLUSION = choices("occlusion", "method")  # all others are methods of /saliency
_METHODS = (*choices("saliency", "method"), *_BY_OCCLUSION)
_NUMBERS = {".npy": "npy", ".tif": "tiff", ".tiff": "tiff", ".csv": "csv", ".json": "json"}


Ask = Callable[[Client, Any], tuple[Any, str]]
"""Gives an answer in a form, and what it is."""


def _explain(args: argparse.Namespace) -> int:
    endpoint = "occlusion" if args.method in _BY_OCCLUSION else "saliency"
    asked = given(args, reference=args.reference)
    return _about_one(args, endpoint, args.method, asked)


def _filters(args: argparse.Namespace) -> int:
    def ask(client: Client, form: Any) -> Any:
        found = client.filters(args.model, format=form, **args.command.given(args))
        return found, f"filters of {args.model}"

    return _written(args, f"{args.model}.filters.png", ask)


def _about_one(args: argparse.Namespace, endpoint: str, what: str, asked: dict[str, Any]) -> int:
    def ask(client: Client, form: Any) -> Any:
        told = {"format": form, **asked}
        return client.submit(any_endpoint(endpoint), args.file, **told).finish(), what

    return _written(args, f"{args.file.stem}.{what}.png", ask)


def _written(args: argparse.Namespace, default: str, ask: Ask) -> int:
    out, form = _target(args, default)
    with connect(args) as client:
        answer, what = ask(client, form)
    write_answer(out, answer)
    print(f"{out}: {what}")
    if unread := _some_unread(answer):
        complain("some images cannot be read; --out FILE.json says which")
    return SOME_FAILED if unread else OK


def _patches(args: argparse.Namespace) -> int:
    files = expand(args.files)
    stored: list[StoredImage] = []

    def ask(client: Client, form: Any) -> Any:
        stored.extend(_store(client, files))
        if not stored:
            raise Stop("None of the images can be read.", SOME_FAILED)
        found = client.submit("patches", stored, **given(args, format=form)).finish()
        return found, f"patches of {len(stored)} images"

    code = _written(args, "patches.png", ask)
    return SOME_FAILED if len(stored) < len(files) else code


def _target(args: argparse.Namespace, default: str) -> tuple[Path, Any]:
    """The file, and the format that its suffix stands for."""
    out, formats = args.out or Path(default), args.command.formats
    suffix = out.suffix.lower()
    if suffix not in formats:
        raise Stop(f"--out ends in one of {', '.join(formats)}, not in {out.suffix!r}.")
    if not getattr(args, "overlay", False):
        return out, formats[suffix]
    if suffix != ".png":
        raise Stop(f"--overlay draws a picture, so --out ends in .png, not in {out.suffix!r}.")
    return out, "overlay"


def _store(client: Client, files: Sequence[Path]) -> list[StoredImage]:
    """The images at the service, where they need not fit into one request; who fails is named."""
    stored = []
    with ProgressBar("upload", len(files)) as bar:
        for path in files:
            try:
                stored.append(client.put_image(path))
            except (ApiError, OSError) as fault:
                complain(sentence(fault), path)
            bar.update()
    return stored


def _some_unread(answer: Any) -> bool:
    if isinstance(answer, Binary):
        return "images_left_out" in answer.headers.get("x-image-warnings", "")
    return bool(getattr(answer, "errors", ()))


_FILE = flag("file FILE", "the image", Path)
_METHOD = f"{', '.join(_METHODS[:-1])} or {_METHODS[-1]} (default: %(default)s)"


def _out(name: str, said: str) -> Flag:
    return flag("--out FILE", f"FILE.png is {said} (default: {name}, here)", Path)


TO_FILE = (
    Command(
        "explain",
        "show which pixels an answer rests on",
        _explain,
        (
            _FILE,
            flag("--method METHOD", _METHOD, default="gradient"),
            flag("--reference FILE", "the similarity of the image to this one", Path),
            _out(
                "IMAGE.METHOD.png",
                "the map over the image, .npy and .tiff are its numbers, .csv the positions of "
                "occlusion, .json the whole answer",
            ),
        ),
        "saliency occlusion",
        {".png": "overlay", **_NUMBERS},
    ),
    Command(
        "activations",
        "show the feature maps of a layer for an image",
        lambda args: _about_one(args, "activations", "activations", given(args)),
        (
            _FILE,
            flag("--overlay", "draw the maps over the image"),
            _out(
                "IMAGE.activations.png",
                "a sheet of maps, .npy and .tiff are their numbers, .csv has a row per unit, .json "
                "the whole answer",
            ),
        ),
        "activations",
        {".png": "png", **_NUMBERS},
    ),
    Command(
        "patches",
        "find, over all images together, the parts that excite the units of a layer most",
        _patches,
        (
            FILES,
            _out(
                "patches.png", "a sheet with a row per unit, .csv a table, .json the whole answer"
            ),
        ),
        "patches",
        {".png": "png", ".csv": "csv", ".json": "json"},
    ),
    Command(
        "filters",
        "show the filters of a convolution as one picture, or write its weights",
        _filters,
        (
            flag("model MODEL", "id of the model"),
            _out(
                "MODEL.filters.png", "a picture, .npy has the weights, .json both numbers and facts"
            ),
        ),
        "filters",
        {".png": "png", ".npy": "npy", ".json": None},
        shared=CONNECTION,
    ),
)
