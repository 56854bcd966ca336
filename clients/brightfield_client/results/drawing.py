"""Objects drawn with matplotlib, in pixels of the image."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from PIL import Image as PillowImage

from brightfield_client.images import ImageSource
from brightfield_client.optional import require
from brightfield_client.pictures import open_picture
from brightfield_client.results.found import Detection, ObjectClass, Segment
from brightfield_client.results.masks import Labels

_BOUNDARY = 0.35  # brightness of a boundary between objects


def on_axes(image: ImageSource | None, otherwise: PillowImage.Image, ax: Any | None) -> Any:
    """Axes, new ones if none are given, with the image, or else a picture of the same size.

    Corners of pixels have whole coordinates, as in the service's answers.
    """
    pyplot = require("matplotlib.pyplot", "plot()", "brightfield[notebook]")
    picture = otherwise if image is None else open_picture(image)
    if ax is None:
        _, ax = pyplot.subplots()
    ax.imshow(picture, extent=(0, picture.width, picture.height, 0))
    ax.set_axis_off()
    return ax


def draw_boxes(ax: Any, objects: Iterable[Detection], classes: Sequence[ObjectClass]) -> Any:
    """Each object's box, with its class and score, in the class's colour."""
    patches = require("matplotlib.patches", "plot()", "brightfield[notebook]")
    for found in objects:
        color, box = _unit(classes[found.class_id]), found.box
        corner = (box.xmin, box.ymin)
        ax.add_patch(patches.Rectangle(corner, box.width, box.height, fill=False, edgecolor=color))
        text = found.label if found.score is None else f"{found.label} {found.score:.2f}"
        ax.text(*corner, text, color=color, fontsize="x-small", verticalalignment="bottom")
    return ax


def draw_outlines(ax: Any, objects: Iterable[Segment], classes: Sequence[ObjectClass]) -> Any:
    """Each object's rings in the class's colour. Raises `ValueError` where there are none."""
    collections = require("matplotlib.collections", "plot()", "brightfield[notebook]")
    rings, colors = [], []
    for found in objects:
        if found.polygons is None:
            raise ValueError("This answer has no outlines; ask with outlines=True.")
        mine = [ring for polygon in found.polygons for ring in polygon]
        rings += [np.concatenate([ring, ring[:1]]) for ring in mine]
        colors += [_unit(classes[found.class_id])] * len(mine)
    ax.add_collection(collections.LineCollection(rings, colors=colors, linewidths=1))
    return ax


def paint_labels(
    labels: Labels, objects: Iterable[Segment], classes: Sequence[ObjectClass]
) -> PillowImage.Image:
    """A label image in its classes' colours on black, darker where two objects touch."""
    colors = np.zeros((int(labels.max(initial=0)) + 1, 3), np.uint8)
    for found in objects:
        colors[found.id] = classes[found.class_id].color
    picture = colors[labels]
    boundary = np.zeros(labels.shape, bool)
    boundary[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    boundary[1:] |= labels[1:] != labels[:-1]
    picture[boundary] = (_BOUNDARY * picture[boundary]).astype(np.uint8)
    return PillowImage.fromarray(picture)


def _unit(known: ObjectClass) -> tuple[float, ...]:
    return tuple(value / 255 for value in known.color)
