"""Maps as pictures: thumbnails in cells, or coloured points with what the colours mean.

Drawn here and not by matplotlib, which draws the reports: of 20,000 points its picture looks the
same, but its SVG took 0.9 s instead of 0.14 and 2.8 MB instead of 1.1; 400 thumbnails took 2.9 s
instead of 0.01, since it cannot put a JPEG into a file as it is, and figures place images by
fractions of the paper, not by pixels of the cells.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from brightfield.palette import BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILLION, Color, web

# Yellow is left out, which cannot be seen on white; then others that are far from these.
_CATEGORIES: tuple[Color, ...] = (
    BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY,
    (120, 94, 240), (148, 148, 0), (100, 60, 30), (110, 110, 110),
)  # fmt: skip
# Viridis at five places, dark to bright.
_RAMP = np.array(
    [(68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37)], np.float64
)
PALE: Color = (210, 214, 219)
_INK, _PAPER = (33, 37, 41), (255, 255, 255)
_MARGIN, _LEGEND, _FONT, _FINER = 12, 180, 13, 3
# The frame of the axes lies outside of the outermost points.
_FRAME = 8
# Room for a line of text along an edge of the map.
_TEXTS = 24


@dataclass(frozen=True, slots=True)
class Legend:
    """What colours mean: a title, and a colour with its text for each line."""

    title: str
    lines: Sequence[tuple[Color, str]]


@dataclass(frozen=True, slots=True)
class MapAxis:
    """What an axis is, and the values of the points at its ends."""

    text: str
    low: float
    high: float

    @property
    def ends(self) -> tuple[str, str]:
        return f"{self.low:.3g}", f"{self.high:.3g}"


@dataclass(frozen=True, slots=True, eq=False)
class MapPlot:
    """A square field of `side` pixels. `places` (N, 2) in [0, 1], y downwards, are points of
    `colors`; `tiles` are JPEG thumbnails by their top left pixel, `tile` pixels wide."""

    side: int
    places: NDArray[np.float64]
    colors: Sequence[Color]
    tiles: Sequence[tuple[int, int, bytes]] = ()
    tile: int = 0
    legend: Legend | None = None
    title: str = ""
    axes: tuple[MapAxis, MapAxis] | None = None
    """The horizontal and the vertical axis."""

    @property
    def _left(self) -> int:
        return _MARGIN + (_TEXTS if self.axes else 0)

    @property
    def _top(self) -> int:
        return _MARGIN + (_TEXTS if self.title else 0)

    @property
    def _width(self) -> int:
        return self._right + (_LEGEND if self.legend else 0)

    @property
    def _right(self) -> int:
        """Where the legend begins."""
        return self._left + self.side + _MARGIN + (_FRAME if self.axes else 0)

    @property
    def _height(self) -> int:
        return self._top + self.side + _MARGIN + (_TEXTS if self.axes else 0)

    @property
    def _radius(self) -> float:
        """Smaller where there are more points."""
        return float(np.clip(self.side / 6 / np.sqrt(max(1, len(self.places))), 1.2, 5))

    def png(self) -> bytes:
        """Points are smoothed by drawing them three times as large first."""
        size = (self._width * _FINER, self._height * _FINER)
        large = Image.new("RGB", size, _PAPER)
        draw = ImageDraw.Draw(large)
        radius = self._radius * _FINER
        for (x, y), color in zip(self._centers() * _FINER, self.colors, strict=True):
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=color)
        picture = large.resize((self._width, self._height), Image.Resampling.BOX)
        for left, top, data in self.tiles:
            with Image.open(io.BytesIO(data)) as opened:
                tile = opened.convert("RGB").resize(self._inside(opened.size))
            picture.paste(tile, self._corner(left, top, tile.size))
        self._write_legend(ImageDraw.Draw(picture))
        self._write_texts(picture)
        buffer = io.BytesIO()
        picture.save(buffer, "PNG")
        return buffer.getvalue()

    def svg(self) -> bytes:
        """The same, with thumbnails inside the file."""
        width, height = self._width, self._height
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}"><rect width="100%" height="100%" fill="white"/>'
        ]
        for (x, y), color in zip(self._centers(), self.colors, strict=True):
            parts.append(
                f'<circle cx="{x:.2f}" cy="{y:.2f}" r="{self._radius:.2f}" fill="{web(color)}"/>'
            )
        parts += [self._svg_tile(*tile) for tile in self.tiles]
        parts += self._svg_legend() + self._svg_texts()
        return ("".join(parts) + "</svg>").encode()

    def _centers(self) -> NDArray[np.float64]:
        return np.asarray((self._left, self._top) + self.places.reshape(-1, 2) * self.side)

    def _inside(self, size: tuple[int, int]) -> tuple[int, int]:
        factor = (self.tile - 2) / max(size)
        return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))

    def _corner(self, left: int, top: int, size: tuple[int, int]) -> tuple[int, int]:
        return (
            self._left + left + (self.tile - size[0]) // 2,
            self._top + top + (self.tile - size[1]) // 2,
        )

    def _svg_tile(self, left: int, top: int, data: bytes) -> str:
        with Image.open(io.BytesIO(data)) as opened:
            size = self._inside(opened.size)
        x, y = self._corner(left, top, size)
        text = base64.b64encode(data).decode("ascii")
        return (
            f'<image x="{x}" y="{y}" width="{size[0]}" height="{size[1]}" '
            f'href="data:image/jpeg;base64,{text}"/>'
        )

    def _lines(self) -> list[tuple[float, Color | None, str]]:
        if self.legend is None:
            return []
        lines: list[tuple[Color | None, str]] = [(None, self.legend.title), *self.legend.lines]
        return [(self._top + 20 * row, color, text) for row, (color, text) in enumerate(lines)]

    def _write_legend(self, draw: ImageDraw.ImageDraw) -> None:
        left, font = self._right, ImageFont.load_default(_FONT)
        for top, color, text in self._lines():
            if color is not None:
                draw.rectangle((left, top + 2, left + 11, top + 13), fill=color)
            draw.text((left + (18 if color else 0), top), _short(text), _INK, font)

    def _write_texts(self, picture: Image.Image) -> None:
        """The title, and the axes in a frame around the points, the vertical one upwards."""
        draw, font = ImageDraw.Draw(picture), ImageFont.load_default(_FONT)
        draw.text((self._left, _MARGIN - 4), self.title, _INK, font)
        if self.axes is None:
            return
        across, up = map(self._line, self.axes)
        bottom = self._top + self.side
        picture.paste(across, (self._left, bottom + _MARGIN))
        picture.paste(up.transpose(Image.Transpose.ROTATE_90), (2, self._top))
        corners = (self._left, self._top, self._left + self.side, bottom)
        frame = [edge + way * _FRAME for edge, way in zip(corners, (-1, -1, 1, 1), strict=True)]
        draw.rectangle(frame, outline=PALE)

    def _line(self, axis: MapAxis) -> Image.Image:
        """An axis' text in its middle and its values at the ends, as wide as the map."""
        line = Image.new("RGB", (self.side, _TEXTS), _PAPER)
        draw, font = ImageDraw.Draw(line), ImageFont.load_default(_FONT)
        for text, x, anchor in self._along(axis, ("la", "ma", "ra")):
            draw.text((x, 2), text, _INK, font, anchor=anchor)
        return line

    def _along(
        self, axis: MapAxis, anchors: tuple[str, str, str]
    ) -> Iterator[tuple[str, int, str]]:
        """Texts of an axis, how far along they are, and which part of each is there."""
        low, high = axis.ends
        places = (0, self.side // 2, self.side)
        return zip((low, axis.text, high), places, anchors, strict=True)

    def _svg_texts(self) -> list[str]:
        style = f'font-size="{_FONT}" font-family="sans-serif" fill="{web(_INK)}"'
        title = f'<text x="{self._left}" y="{_MARGIN + 8}" {style}>{escape(self.title)}</text>'
        if self.axes is None:
            return [title] if self.title else []
        bottom = self._top + self.side
        starts = (
            f"translate({self._left},{bottom + _MARGIN + 12})",
            f"translate(14,{bottom}) rotate(-90)",
        )
        return [
            title,
            f'<rect x="{self._left - _FRAME}" y="{self._top - _FRAME}" '
            f'width="{self.side + 2 * _FRAME}" height="{self.side + 2 * _FRAME}" '
            f'fill="none" stroke="{web(PALE)}"/>',
            *(
                f'<text transform="{start}" x="{x}" text-anchor="{anchor}" {style}>'
                f"{escape(text)}</text>"
                for axis, start in zip(self.axes, starts, strict=True)
                for text, x, anchor in self._along(axis, ("start", "middle", "end"))
            ),
        ]

    def _svg_legend(self) -> list[str]:
        left, parts = self._right, []
        for top, color, text in self._lines():
            if color is not None:
                parts.append(
                    f'<rect x="{left}" y="{top + 2}" width="11" height="11" fill="{web(color)}"/>'
                )
            parts.append(
                f'<text x="{left + (18 if color else 0)}" y="{top + 12}" font-size="{_FONT}" '
                f'font-family="sans-serif" fill="{web(_INK)}">{escape(_short(text))}</text>'
            )
        return parts


def colored(values: Sequence[Any], title: str) -> tuple[list[Color], Legend]:
    """A colour for each value: along a ramp where all are numbers and there are more than ten of
    them, else one for each different value, the most frequent first; null is pale."""
    present = [value for value in values if value is not None]
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in present)
    if numbers and len(set(present)) > len(_CATEGORIES):
        return _along_ramp(values, [float(v) for v in present], title)
    names = [None if value is None else _text(value) for value in values]
    counts: dict[str, int] = {}
    for name in names:
        if name is not None:
            counts[name] = counts.get(name, 0) + 1
    ranked = sorted(counts, key=lambda name: (-counts[name], name))
    known = dict(zip(ranked, _CATEGORIES, strict=False))
    lines = [(known[name], f"{name} ({counts[name]})") for name in ranked if name in known]
    if len(ranked) > len(known):
        rest = sum(counts[name] for name in ranked[len(known) :])
        lines.append((PALE, f"{len(ranked) - len(known)} others ({rest})"))
    return [PALE if name is None else known.get(name, PALE) for name in names], Legend(title, lines)


def _along_ramp(
    values: Sequence[Any], present: list[float], title: str
) -> tuple[list[Color], Legend]:
    low, high = min(present), max(present)

    def color(value: float) -> Color:
        level = (value - low) / (high - low) * (len(_RAMP) - 1)
        mixed = [np.interp(level, range(len(_RAMP)), _RAMP[:, channel]) for channel in range(3)]
        return int(mixed[0]), int(mixed[1]), int(mixed[2])

    marks = [low + (high - low) * part / 4 for part in range(5)]
    legend = Legend(title, [(color(mark), f"{mark:.4g}") for mark in marks])
    return [PALE if value is None else color(float(value)) for value in values], legend


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _short(text: str) -> str:
    return text if len(text) <= 22 else f"{text[:21]}…"
