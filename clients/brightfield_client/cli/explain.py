"""brightfield explain"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from brightfield_client.cli.connect import connect, connection_flags
from brightfield_client.cli.exits import OK, Stop
from brightfield_client.cli.files import parameter_flags, parameters
from brightfield_client.client import Client
from brightfield_client.images import Images, ImageSource
from brightfield_client.results.binary import Binary

_OCCLUSION = frozenset({"occlusion", "rise"})  # belongs to /occlusion, all others to /saliency
_FORMATS = {
    ".png": "overlay",
    ".npy": "npy",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".csv": "csv",
    ".json": "json",
}


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "explain",
        parents=[parameter_flags(), connection_flags()],
        help="show which pixels an answer rests on",
        description="Show which pixels an answer rests on.",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the image")
    parser.add_argument(
        "--method",
        default="gradient",
        help="gradient, guided_backprop, integrated_gradients, smoothgrad, input_x_gradient, "
        "grad_cam, guided_grad_cam, occlusion or rise (%(default)s)",
    )
    parser.add_argument("--target", help="label or class id (top: the best)")
    _add_places(parser)
    parser.add_argument(
        "--out",
        type=Path,
        help="FILE.png is the map over the image, .npy and .tiff are its numbers, .csv the "
        "positions of occlusion, .json the whole answer (default: IMAGE.METHOD.png, here)",
    )
    parser.set_defaults(run=run)


def _add_places(parser: argparse.ArgumentParser) -> None:
    places = parser.add_argument_group(
        "what is explained", "of models that find or segment objects, in pixels of the image"
    )
    places.add_argument("--box", metavar="XMIN,YMIN,XMAX,YMAX", help="the object in this box")
    places.add_argument("--point", metavar="X,Y", help="the object at this point")
    places.add_argument("--object", metavar="ID", type=int, help="the object of this id")
    places.add_argument(
        "--within",
        metavar="SHAPE",
        help="the mean score over x,y,width,height or the polygon x,y;x,y;x,y",
    )
    places.add_argument(
        "--reference", type=Path, metavar="FILE", help="the likeness of the image to this one"
    )


def run(args: argparse.Namespace) -> int:
    out = args.out or Path(f"{args.file.stem}.{args.method}.png")
    form = _FORMATS.get(out.suffix.lower())
    if form is None:
        raise Stop(f"--out ends in one of {', '.join(_FORMATS)}, not in {out.suffix!r}.")
    endpoint = "occlusion" if args.method in _OCCLUSION else "saliency"
    names = ("method", "target", "box", "point", "object", "within", "reference")
    given = parameters(args, **{name: getattr(args, name) for name in names}, format=form)
    with connect(args) as client:
        answer = ask_as_job(client, endpoint, args.file, given)
    write_answer(out, answer)
    print(f"{out}: {args.method}")
    return OK


def ask_as_job(
    client: Client, endpoint: str, image: ImageSource | Images, given: dict[str, Any]
) -> Any:
    """As a job, since many forward passes take long; leaving cancels it."""
    job = client.submit(endpoint, image, **given)
    try:
        job.wait(progress=True)
    except KeyboardInterrupt:
        job.cancel()
        raise
    return job.result()


def write_answer(out: Path, answer: Any) -> None:
    """Write a binary answer as it came, another one as JSON."""
    if isinstance(answer, Binary):
        answer.save(out)
    else:
        text = json.dumps(dict(answer.raw), ensure_ascii=False, indent=2)
        out.write_text(text + "\n", encoding="utf-8")
