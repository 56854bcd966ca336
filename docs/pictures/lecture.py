"""Draws the pictures of docs/how-to/the-lecture.md with the page's own lines, and its notebook.

    PYTHONPATH=. python docs/pictures/lecture.py --data FOLDER

The folder holds the data sets of the recipes (training/README.md says where they come from). With
`--images FOLDER` alone the images that the page names are written there, without the data sets as
stand-ins, with which all its lines run.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import skimage.data
from PIL import Image
from scipy import ndimage
from sheet import reduced
from skimage import filters
from sklearn.datasets import load_breast_cancer, load_sample_image
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tifffile import imwrite

from brightfield.api.app import create_app
from brightfield.settings import Settings
from brightfield_client import Client, InProcess
from training.data.bccd import CLASSES, smears

HERE = Path(__file__).parent
PAGE = HERE.parent / "how-to" / "the-lecture.md"
FACTS = HERE / "lecture.json"
MOST = 60  # cells of each kind
_BLOCK = re.compile(r"```python\n(.*?)```(.*?)(?=```python|\Z)", re.S)
_PICTURE = re.compile(r"\(\.\./pictures/lecture/([\w-]+)\.(?:png|jpg)\)")
# Collections are filled before what is searched in them; the page tells it in another order.
_FIRST = "cells = client.collection"


@dataclass(frozen=True)
class Block:
    """Lines of the page, and the name of the picture that their last expression is."""

    code: str
    picture: str


def blocks() -> list[Block]:
    """The page's lines in an order in which they run. Pictures beside each other are those of the
    blocks before them."""
    found: list[Block] = []
    for code, text in _BLOCK.findall(PAGE.read_text("utf-8")):
        found.append(Block(code, ""))
        names = _PICTURE.findall(text)
        for place, name in zip(range(-len(names), 0), names, strict=True):
            found[place] = Block(found[place].code, name)
    filling = [each for each in found if each.code.startswith(_FIRST)]
    others = [each for each in found if each not in filling]
    return [others[0], *filling, *others[1:]]


def run(code: str, names: dict[str, Any]) -> Any:
    """The value of the last line, which is an expression or nothing."""
    tree = ast.parse(code)
    last = tree.body[-1]
    if not isinstance(last, ast.Expr):
        exec(compile(tree, PAGE.name, "exec"), names)
        return None
    exec(compile(ast.Module(tree.body[:-1], []), PAGE.name, "exec"), names)
    return eval(compile(ast.Expression(last.value), PAGE.name, "eval"), names)


def write_images(folder: Path, data: Path | None) -> None:
    """The files that the page names: of the data sets, or stand-ins for those."""
    Image.fromarray(skimage.data.coffee()).save(folder / "cup.png")
    Image.fromarray(skimage.data.chelsea()).save(folder / "cat.png")
    Image.fromarray(load_sample_image("flower.jpg")).save(folder / "flower.png")
    _write_predictions(folder / "predictions.csv")
    if data is None:
        _write_stand_ins(folder)
        return
    fields = [Image.fromarray(smear.pixels()) for smear in smears(data, "val")]
    fields[0].save(folder / "smear.jpg", quality=95)
    _mosaic(fields[1:7]).save(folder / "field.jpg", quality=95)
    _write_cells(folder / "cells", data)
    nuclei = Image.open(data / "dsb2018" / "images" / "449a9c32e53a.png").convert("L")
    nuclei.save(folder / "nuclei.png")
    plane = np.asarray(nuclei)
    _write_stack(folder / "stack.tif", plane[264:520, :256])
    _write_small(folder / "small.png", Image.open(data / "kodak" / "04.png").convert("RGB"))


def _write_stand_ins(folder: Path) -> None:
    cell, cup = skimage.data.immunohistochemistry(), Image.fromarray(skimage.data.coffee())
    for name in ("smear.jpg", "field.jpg", "nuclei.png"):
        Image.fromarray(cell[:240, :320]).save(folder / name)
    _write_stack(folder / "stack.tif", _discs())
    _write_small(folder / "small.png", cup)
    for kind, pixels in (("cat", skimage.data.chelsea()), ("cup", skimage.data.coffee())):
        (folder / "cells" / kind).mkdir(parents=True)
        for x in range(0, 240, 30):
            part = Image.fromarray(pixels[:96, x : x + 96])
            part.save(folder / "cells" / kind / f"{x:03d}.png")
    Image.fromarray(skimage.data.chelsea()[:96, 20:116]).save(folder / "white-cell.png")


def _write_predictions(file: Path) -> None:
    """Scores of a logistic regression, each case by a model that has not seen it."""
    cases = load_breast_cancer()
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.001))
    scores = cross_val_predict(model, cases.data[:, :6], cases.target, method="predict_proba")[:, 0]
    truth = np.where(cases.target == 0, "malignant", "benign")
    rows = (f"{name},{score:.6f}" for name, score in zip(truth, scores, strict=True))
    file.write_text("truth,score\n" + "\n".join(rows) + "\n", "utf-8")


def _mosaic(fields: list[Image.Image]) -> Image.Image:
    width, height = fields[0].size
    whole = Image.new("RGB", (3 * width, 2 * height))
    for place, field in enumerate(fields):
        whole.paste(field, (place % 3 * width, place // 3 * height))
    return whole


def _write_cells(folder: Path, data: Path) -> None:
    """Cells cut out with the boxes that experts drew, a folder for each kind."""
    counts: Counter[str] = Counter()
    for smear in smears(data, "val"):
        pixels = Image.fromarray(smear.pixels())
        for box, number in zip(smear.boxes, smear.classes, strict=True):
            kind, middle = CLASSES[number], (box[:2] + box[2:]) / 2
            half = 0.6 * (box[2:] - box[:2]).max()
            corners = np.rint([*(middle - half), *(middle + half)]).astype(int)
            if counts[kind] == MOST or corners[:2].min() < 0 or (corners[2:] > pixels.size).any():
                continue
            counts[kind] += 1
            (folder / kind).mkdir(parents=True, exist_ok=True)
            pixels.crop(tuple(corners.tolist())).save(folder / kind / f"{counts[kind]:02d}.png")
    (folder / "WBC" / "01.png").rename(folder.parent / "white-cell.png")


def _write_stack(file: Path, plane: np.ndarray) -> None:
    """Six planes through nuclei that lie at depths of their own: each is a ball, which a plane cuts
    in a disc that grows and shrinks, with the texture that it has in `plane`."""
    ground = np.median(plane)
    inside = ndimage.binary_opening(plane > filters.threshold_otsu(plane), iterations=2)
    labels, count = ndimage.label(ndimage.binary_fill_holes(inside))
    depths = np.resize([0.8, 3.2, 2.0, 4.2, 1.4, 2.8, 3.8], count + 1)[labels]
    far = ndimage.distance_transform_edt(labels > 0)
    widest = ndimage.maximum(far, labels, np.arange(count + 1))[labels].clip(1)
    planes = []
    for z in range(6):
        cut = np.sqrt(np.clip(1 - ((z - depths) / 2.2) ** 2, 0, 1))  # radius of the disc
        shown = (far / widest >= 1 - cut) & (cut > 0.25) & (labels > 0)
        soft = ndimage.gaussian_filter(shown.astype(float), 1.2)
        planes.append(ground + (plane - ground) * soft)
    stack = np.rint(np.clip(planes, 0, 255)).astype(np.uint8)
    imwrite(file, stack, imagej=True, metadata={"axes": "ZYX", "spacing": 1.0, "unit": "um"})


def _discs() -> np.ndarray:
    y, x = np.mgrid[0:128, 0:128]
    inside = ((y % 42 - 21) ** 2 + (x % 42 - 21) ** 2 < 120).astype(np.uint8)
    return 20 + 180 * inside


def _write_small(file: Path, picture: Image.Image) -> None:
    size = (picture.width // 4, picture.height // 4)
    picture.resize(size, Image.Resampling.BICUBIC).save(file)


@contextlib.contextmanager
def service(folder: Path) -> Iterator[Client]:
    """A client whose service runs in this process; the page's `Client()` stands for it."""
    settings = Settings(data=folder / "data", models="", device="cpu", preload=False)
    with Client(
        "http://localhost", transport=InProcess(create_app(settings)), timeout=600
    ) as client:
        yield client


def drawn(folder: Path, only: Sequence[str] = ()) -> Iterator[tuple[str, Image.Image]]:
    """The page's pictures by their names, `only` some if any are named, made in the folder of its
    images."""
    with contextlib.chdir(folder), service(folder) as client:
        names: dict[str, Any] = {"client": client, "paths": sorted(Path("cells").rglob("*.png"))}
        for block in blocks()[1:]:
            if only and block.picture not in only and " = " not in block.code:
                continue
            value = run(block.code, names)
            if block.picture:
                yield block.picture, value
        if not only:
            FACTS.write_text(
                json.dumps({"numbers": _alike(names["cells"])}, indent=1) + "\n", "utf-8"
            )


def write(picture: Image.Image, name: str) -> None:
    """The picture as its page shows it: drawings in 256 colours, photographs as JPEG."""
    small = picture.convert("RGB")
    small.thumbnail((900, 900))
    (suffix,) = re.findall(rf"lecture/{name}\.(\w+)\)", PAGE.read_text("utf-8"))
    file = HERE / "lecture" / f"{name}.{suffix}"
    if suffix == "jpg":
        small.save(file, quality=90, subsampling=0, optimize=True)
    else:
        reduced(small).save(file, optimize=True)


def _alike(cells: Any) -> dict[str, int]:
    """How many of the eleven neighbours of the white cell are white cells, in both spaces."""
    spaces = ("embedding", "pixels")
    found = {each: cells.neighbors("white-cell.png", k=11, space=each).ids for each in spaces}
    return {each: sum("/WBC/" in name for name in ids) for each, ids in found.items()}


def notebook() -> dict[str, Any]:
    """The page as a notebook: its headings as text, its lines as code, in an order that runs."""
    setting = 'from pathlib import Path\n\npaths = sorted(Path("cells").rglob("*.png"))'
    codes = [blocks()[0].code.strip(), setting, *(each.code.strip() for each in blocks()[1:])]
    about = (
        "# The lecture in one page\n\nStart `brightfield serve`, and this notebook in a folder of "
        "images: `python docs/pictures/lecture.py --images FOLDER` writes one."
    )
    cells: list[dict[str, Any]] = [
        {"cell_type": "markdown", "id": "about", "metadata": {}, "source": about}
    ]
    for number, code in enumerate(codes):
        cells.append(
            {
                "cell_type": "code", "id": f"code-{number}", "metadata": {}, "source": code,
                "execution_count": None, "outputs": [],
            }
        )  # fmt: skip
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def main(data: Path | None, images: Path | None, only: Sequence[str]) -> None:
    if images is not None:
        images.mkdir(parents=True, exist_ok=True)
        write_images(images, data)
        return
    PAGE.with_suffix(".ipynb").write_text(json.dumps(notebook(), indent=1) + "\n", "utf-8")
    with TemporaryDirectory() as place:
        folder = Path(place)
        write_images(folder, data)
        for name, picture in drawn(folder, only):
            write(picture, name)
            print(name, picture.size, os.linesep, end="", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, help="folder of the data sets")
    parser.add_argument("--images", type=Path, help="only write the images, here")
    parser.add_argument("--only", nargs="*", default=(), help="names of pictures to draw")
    chosen = parser.parse_args()
    main(chosen.data, chosen.images, chosen.only)
