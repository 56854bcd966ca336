"""brightfield models add"""

from __future__ import annotations

import argparse
import json
import tomllib
from pathlib import Path
from typing import Any, ClassVar

from brightfield.commands.command import Command, read_settings

_TEXTS = (
    ("version", "version on the card (default: 1)"),
    ("licence", "licence of the weights (default: unknown)"),
    ("description", "what it is for"),
)
# Their answers are files.
_WRITING = ("segment", "superresolve")
_INPUTS = (
    ("channels", int, "N", "channels of its input"),
    ("size", str, "SIZE", "224, 256,320 (height, width), or multiple:32 for any such size"),
    ("resize", int, "SHORT", "resize the short side, before a crop"),
    ("crop", int, "SIDE", "crop the centre"),
    ("mean", str, "M,...", "what is subtracted of values from 0 to 1, per channel"),
    ("std", str, "S,...", "what they are divided by"),
    ("intensity", str, "MODE", "how other than 8-bit images become 0 to 1"),
    ("pixel-size", float, "UM", "micrometres per pixel of the training images"),
)


class ModelsAdd(Command):
    """Make a model of a file: look at it, write its card, and run it once."""

    help: ClassVar[str] = "make a model's folder of a file with a network"
    description: ClassVar[str] = (
        "Make a model's folder of a file: a state dict (torch.save, safetensors), a checkpoint of "
        "Lightning, a .pt2 of torch.export, ONNX or TorchScript. The network is recognised by its "
        "names and shapes if torchvision, timm or segmentation-models-pytorch build it."
    )

    def add_flags(self, parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add("file", type=Path, metavar="FILE", help="the file with the network or its weights")
        tasks = ("classify", "segment", "detect", "superresolve", "embed")
        add("--task", required=True, choices=tasks, help="what it does")
        add("--labels", metavar="FILE", help="a label in each line, a JSON list, or a,b,c")
        add("--id", metavar="ID", help="its name in the service (default: the file's)")
        add("--into", type=Path, metavar="FOLDER", help="folder of models (default: the first of "
            "BRIGHTFIELD_MODELS, else models)")  # fmt: skip
        said = "torchvision:resnet18, timm:NAME, smp:Unet, python:net.py:Net (default: recognised)"
        add("--architecture", metavar="NAME", help=said)
        add("--argument", action="append", default=[], metavar="KEY=VALUE",
            help="an argument of the architecture, as num_classes=3; may be repeated")  # fmt: skip
        add("--entry", metavar="NAME", help="where in a checkpoint the network is, as model_ema")
        add("--prefix", metavar="TEXT", help="what stands before its names, as model.")
        for name, kind, value, text in _INPUTS:
            add(f"--{name}", type=kind, metavar=value, help=text)
        activations = ("softmax", "sigmoid", "none")
        add("--activation", choices=activations, help="what makes scores of its output")
        add("--take", nargs="+", metavar="KEY", help="the part of its output that counts")
        add("--post", metavar="FILE.py:NAME", help="your own code from its output to objects")
        for name, text in _TEXTS:
            add(f"--{name}", metavar="TEXT", help=text)

    def run(self, args: argparse.Namespace) -> int:
        from brightfield.engine.model_check import model_check
        from brightfield.models.bringing.adding import add

        settings = read_settings()
        folder = args.into or next(iter(settings.model_folders), Path("models"))
        if not args.file.is_file():
            raise ValueError(f"There is no file {args.file}.")
        wishes = _wishes(args)
        with model_check(settings) as check:
            added = add(
                args.file,
                wishes,
                folder,
                check,
                trust_model_code=settings.trust_model_code,
                data=settings.data,
            )
        for line in added.told:
            print(line)
        written = ", ".join(sorted(file.name for file in added.folder.iterdir()))
        print(f"wrote {added.folder} ({written})")
        print(f"next: brightfield serve --models {folder}")
        out = " --out FOLDER" if wishes.task in _WRITING else ""
        print(f"then: brightfield {wishes.task} IMAGE --model {added.card.id}{out}")
        return 0


def _wishes(args: argparse.Namespace) -> Any:
    from brightfield.models.bringing.wishes import Wishes

    architecture, code = _with_code(args.architecture)
    post, more = _with_code(f"python:{args.post}" if args.post else None)
    output = {
        "activation": args.activation,
        "take": args.take and [int(step) if step.isdigit() else step for step in args.take],
        "python": post and post.removeprefix("python:"),
    }
    texts = {name: getattr(args, name) for name, _ in _TEXTS}
    return Wishes(
        task=args.task,
        id=args.id,
        labels=_labels(args.labels),
        architecture=architecture,
        arguments=dict(_argument(text) for text in args.argument),
        weights=_given({"entry": args.entry, "prefix": args.prefix}),
        input=_input(args),
        output=_given(output),
        card=_given(texts),
        code=tuple({file.name: file for file in (*code, *more)}.values()),
    )


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _labels(text: str | None) -> tuple[str, ...]:
    """The labels in a file, else those between commas."""
    from brightfield.label_files import label_lines

    if text is None:
        return ()
    file = Path(text)
    if not file.is_file():
        if "," not in text and not text.isidentifier():
            raise ValueError(f"--labels: there is no file {text}.")
        return tuple(label.strip() for label in text.split(","))
    content = file.read_text(encoding="utf-8-sig")
    if file.suffix.lower() != ".json":
        return tuple(label_lines(content, file.name))
    found = json.loads(content)
    if isinstance(found, dict):  # ImageFolder's class_to_idx
        return tuple(sorted(found, key=lambda label: int(found[label])))
    return tuple(map(str, found))


def _with_code(name: str | None) -> tuple[str | None, tuple[Path, ...]]:
    """python:FOLDER/net.py:Net as the file and the name that it has in the model's folder."""
    place, _, member = (name or "").removeprefix("python:").rpartition(":")
    if name is None or not name.startswith("python:") or not place.endswith(".py"):
        return name, ()
    file = Path(place)
    if not file.is_file():
        raise ValueError(f"There is no file {place}, which {name} names.")
    return f"python:{file.name}:{member}", (file,)


def _argument(text: str) -> tuple[str, Any]:
    """KEY=VALUE, whose value is one of TOML, else a text."""
    key, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"--argument {text!r}: write KEY=VALUE.")
    try:
        return key, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key, value


def _input(args: argparse.Namespace) -> dict[str, Any]:
    resize = {"short": args.resize, "rounding": "down"} if args.resize else None
    return _given(
        {
            "channels": args.channels,
            "size": _size(args.size),
            "resize": resize,
            "crop": args.crop,
            "mean": _numbers("--mean", args.mean),
            "std": _numbers("--std", args.std),
            "intensity": args.intensity,
            "pixel_size": args.pixel_size,
        }
    )


def _size(text: str | None) -> Any:
    if text is None:
        return None
    if text.startswith("multiple:"):
        return {"multiple": int(text.removeprefix("multiple:"))}
    sides = [int(side) for side in _numbers("--size", text) or ()]
    return sides * 2 if len(sides) == 1 else sides


def _numbers(flag: str, text: str | None) -> list[float] | None:
    try:
        return None if text is None else [float(number) for number in text.split(",")]
    except ValueError as fault:
        raise ValueError(f"{flag}: {text!r} is no list of numbers, as 0.5,0.5,0.5.") from fault
