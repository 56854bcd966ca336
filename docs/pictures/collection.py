"""Draws collection.png: a map of blood cells as thumbnails, and the same map by what the cells are.

    PYTHONPATH=. python docs/pictures/collection.py --data FOLDER

The folder holds the data sets of the recipes (training/README.md says where they come from). The
cells are of the validation part, cut out with the boxes that experts drew; the vectors are those of
the classifier for photographs, which has never seen a blood smear.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image
from sheet import publish

from brightfield import zoo
from brightfield.api.app import create_app
from brightfield.card_folders import find_cards
from brightfield.settings import Settings
from brightfield_client import Client, Collection, InProcess
from training.data.bccd import CLASSES, smears

TARGET = Path(__file__).with_name("collection.png")
MODEL = "imagenet-lite0"
SIDE = 600
# Red cells are many; so many of each kind are shown at most.
MOST = 130
MARGIN = 1.2


def fill(collection: Collection, data: Path) -> None:
    """Cells with their kind and their size in pixels, in the order of the photographs."""
    pictures, ids, metadata = [], [], []
    counts: Counter[str] = Counter()
    for smear in smears(data, "val"):
        pixels = Image.fromarray(smear.pixels())
        for index, (box, number) in enumerate(zip(smear.boxes, smear.classes, strict=True)):
            kind = CLASSES[number]
            middle, half = (box[:2] + box[2:]) / 2, MARGIN * (box[2:] - box[:2]).max() / 2
            corners = np.rint([*(middle - half), *(middle + half)]).astype(int)
            inside = corners[:2].min() >= 0 and (corners[2:] <= pixels.size).all()
            if counts[kind] == MOST or not inside:
                continue
            counts[kind] += 1
            pictures.append(pixels.crop(tuple(corners.tolist())))
            ids.append(f"{smear.path.stem}-{index}")
            metadata.append({"kind": kind, "side": round(float(2 * half / MARGIN), 1)})
    collection.add(pictures, ids=ids, metadata=metadata)


def main(data: Path) -> None:
    with TemporaryDirectory() as folder:
        settings = Settings(data=Path(folder), models="", device="cpu", preload=False)
        transport = InProcess(create_app(settings))
        with Client("http://localhost", transport=transport, timeout=600) as client:
            cells = client.collection("cells")
            cells.make(model=MODEL)
            fill(cells, data)
            made = cells.project("tsne", perplexity=20)
            drawn = [made.picture(size=SIDE), made.picture("kind", size=SIDE)]
            sheet = Image.new("RGB", (sum(p.width for p in drawn), drawn[0].height), "white")
            sheet.paste(drawn[0], (0, 0))
            sheet.paste(drawn[1], (drawn[0].width, 0))
            numbers = {
                "cells": len(made.ids),
                "trustworthiness": round(float(made.trustworthiness), 3),
                "agreement": round(cells.disagreements("kind", most=3)["agreement"], 3),
            }
            card = find_cards((zoo.folder(),)).cards[MODEL]
            publish(sheet, TARGET, [card], numbers)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    main(parser.parse_args().data)
