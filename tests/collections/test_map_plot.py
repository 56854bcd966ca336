from __future__ import annotations

import io
import xml.etree.ElementTree as ET

import numpy as np
from PIL import Image

from brightfield.collections.map_plot import PALE, Legend, MapAxis, MapPlot, colored
from brightfield.images.thumbnail import thumbnail

RED = thumbnail(np.full((20, 20, 3), (200, 0, 0), np.uint8))


def pixels(plot: MapPlot) -> np.ndarray:  # type: ignore[type-arg]
    return np.asarray(Image.open(io.BytesIO(plot.png())))


def test_points_and_tiles_lie_where_they_belong() -> None:
    plot = MapPlot(200, np.array([[0.25, 0.75]]), [(0, 0, 255)], [(100, 0, RED)], 40)
    picture = pixels(plot)
    assert picture.shape == (224, 224, 3)
    assert picture[12 + 150, 12 + 50].tolist() == [0, 0, 255]
    red = picture[12 + 20, 12 + 120].astype(int)
    assert red[0] > 180 and red[1] < 20
    assert (picture[12 + 100, 12 + 150] == 255).all()


def test_the_svg_has_the_same() -> None:
    legend = Legend("kind", [((0, 0, 255), "a < b & c")])
    plot = MapPlot(200, np.array([[0.25, 0.75]]), [(0, 0, 255)], [(100, 0, RED)], 40, legend)
    root = ET.fromstring(plot.svg())
    space = "{http://www.w3.org/2000/svg}"
    (circle,) = root.findall(f"{space}circle")
    assert (float(circle.attrib["cx"]), float(circle.attrib["cy"])) == (62, 162)
    (image,) = root.findall(f"{space}image")
    assert image.attrib["x"] == "113" and image.attrib["width"] == "38"
    assert [text.text for text in root.findall(f"{space}text")] == ["kind", "a < b & c"]
    assert pixels(plot).shape[1] == int(root.attrib["width"])


def test_kinds_have_colours_of_their_own_and_null_is_pale() -> None:
    colors, legend = colored(["b", "a", "b", None, True], "kind")
    assert colors[0] == colors[2] != colors[1] and colors[3] == PALE
    assert [text for _, text in legend.lines] == ["b (2)", "a (1)", "true (1)"]


def test_more_kinds_than_colours_are_others() -> None:
    colors, legend = colored([f"k{n:02d}" for n in range(12)], "kind")
    assert colors[10] == colors[11] == PALE and legend.lines[-1][1] == "2 others (2)"


def test_many_numbers_lie_along_a_ramp() -> None:
    colors, legend = colored([*range(21), None], "area")
    assert colors[0] == (68, 1, 84) and colors[20] == (253, 231, 37) and colors[21] == PALE
    assert [text for _, text in legend.lines] == ["0", "5", "10", "15", "20"]


def test_the_axes_say_what_they_are_and_how_long() -> None:
    axes = (MapAxis("PC 1 (60 %)", -0.25, 1.5), MapAxis("PC 2 (20 %)", 0.0, 0.125))
    plot = MapPlot(200, np.array([[0.0, 1.0]]), [(0, 0, 255)], title="PCA", axes=axes)
    root = ET.fromstring(plot.svg())
    told = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert told == ["PCA", "-0.25", "PC 1 (60 %)", "1.5", "0", "PC 2 (20 %)", "0.125"]
    picture = pixels(plot)
    assert picture.shape[:2] == (int(root.attrib["height"]), int(root.attrib["width"]))
    # The outermost point lies within the frame.
    rows, columns = np.nonzero((picture == PALE).all(axis=2))
    blue = np.nonzero((picture == (0, 0, 255)).all(axis=2))
    assert rows.min() < blue[0].min() and blue[0].max() < rows.max()
    assert columns.min() < blue[1].min() and blue[1].max() < columns.max()
