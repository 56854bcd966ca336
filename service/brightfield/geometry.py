"""Where a model's input lies in the image: the map between the input grid and image pixels.

Both grids follow one convention: coordinates are those of pixel edges, with the origin at the
outer corner of the top-left pixel, so the pixel (i, j) covers [j, j + 1] x [i, i + 1] and its
centre is at (j + 0.5, i + 0.5).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from brightfield.tensors import Map
from brightfield_painting.placement import Rectangle, place

Edges = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis: image = origin + step * input, in pixels, and what of it shows the image.

    The input covers [origin, origin + step * inputs]; of that only [begin, end] are pixels that
    were read, and the rest is padding. `pixels` is the side of the whole image.
    """

    pixels: int
    inputs: int
    origin: float
    step: float
    begin: float
    end: float

    @classmethod
    def of(cls, pixels: int, begin: int, count: int) -> Axis:
        """The image's pixels [begin, begin + count) as they are, of a side of `pixels`."""
        return cls(pixels, count, begin, 1.0, begin, begin + count)

    def resized(self, inputs: int) -> Axis:
        """The same extent in another number of input pixels."""
        return replace(self, inputs=inputs, step=self.step * self.inputs / inputs)

    def windowed(self, start: int, inputs: int) -> Axis:
        """The input pixels [start, start + inputs); beyond the present ones they are padding."""
        return replace(self, inputs=inputs, origin=self.origin + start * self.step)

    def to_image(self, edges: Edges) -> Edges:
        return self.origin + self.step * edges

    def to_input(self, edges: Edges) -> Edges:
        return (edges - self.origin) / self.step

    def shown(self, pixels: int) -> Axis:
        """The same input, expressed in an image that is resized to a side of `pixels`."""
        factor = pixels / self.pixels
        return replace(
            self,
            pixels=pixels,
            origin=self.origin * factor,
            step=self.step * factor,
            begin=self.begin * factor,
            end=self.end * factor,
        )

    def within(self, start: int, count: int) -> Axis:
        """The same input, expressed in a part of the image as if that were the image."""
        return replace(
            self,
            pixels=count,
            origin=self.origin - start,
            begin=self.begin - start,
            end=self.end - start,
        )

    @property
    def covered(self) -> tuple[float, float]:
        """The first and last image coordinate that the input shows."""
        low, high = self.origin, self.origin + self.step * self.inputs
        return max(low, self.begin), min(high, self.end)


@dataclass(frozen=True, slots=True)
class Geometry:
    """How the model's input (h, w) lies in the image (H, W)."""

    x: Axis
    y: Axis

    def resized(self, height: int, width: int) -> Geometry:
        """The input resized to (height, width)."""
        return Geometry(self.x.resized(width), self.y.resized(height))

    def windowed(self, top: int, left: int, height: int, width: int) -> Geometry:
        """The input cropped, or with negative `top` and `left` padded, to (height, width)."""
        return Geometry(self.x.windowed(left, width), self.y.windowed(top, height))

    def shown(self, height: int, width: int) -> Geometry:
        """The same input, expressed in the image resized to (height, width)."""
        return Geometry(self.x.shown(width), self.y.shown(height))

    def within(self, x: int, y: int, width: int, height: int) -> Geometry:
        """The same input, expressed in a part of the image as if that were the image."""
        return Geometry(self.x.within(x, width), self.y.within(y, height))

    @property
    def scaled(self) -> bool:
        """Whether an input pixel is of another size than an image pixel."""
        return (self.x.step, self.y.step) != (1.0, 1.0)

    @property
    def input_size(self) -> tuple[int, int]:
        """(h, w) of the model's input."""
        return self.y.inputs, self.x.inputs

    @property
    def image_size(self) -> tuple[int, int]:
        """(H, W) of the whole image."""
        return self.y.pixels, self.x.pixels

    @property
    def region_in_image(self) -> Rectangle:
        """The part of the image that the input shows, in image pixels, without padding."""
        left, right = self.x.covered
        top, bottom = self.y.covered
        return left, top, right - left, bottom - top

    @property
    def extent_in_image(self) -> Rectangle:
        """Where the whole input lies, padding included, in image pixels."""
        x, y = self.x, self.y
        return x.origin, y.origin, x.step * x.inputs, y.step * y.inputs

    def input_to_image_x(self, edges: Edges) -> Edges:
        return self.x.to_image(edges)

    def input_to_image_y(self, edges: Edges) -> Edges:
        return self.y.to_image(edges)

    def box_to_image(self, x: float, y: float, width: float, height: float) -> Rectangle:
        """A rectangle of the input in image pixels, not clipped."""
        left, top = (
            float(self.x.to_image(np.asarray(x, np.float64))),
            float(self.y.to_image(np.asarray(y, np.float64))),
        )
        return left, top, width * self.x.step, height * self.y.step

    def box_to_input(self, x: float, y: float, width: float, height: float) -> Rectangle:
        """A rectangle of the image in input pixels, not clipped."""
        left, top = self.point_to_input(x, y)
        return left, top, width / self.x.step, height / self.y.step

    def point_to_input(self, x: float, y: float) -> tuple[float, float]:
        """A point of the image in input pixels; outside [0, w] x [0, h] where it is not shown."""
        return float(self.x.to_input(np.asarray(x, np.float64))), float(
            self.y.to_input(np.asarray(y, np.float64))
        )

    def to_image(self, values: Map) -> Map:
        """(h', w') over the whole input, at any resolution, as (H, W) over the image.

        Bilinear between the centres of cells, constant beyond the outermost ones, averaged where
        the image is the coarser grid; 0 where the input does not show the image.
        """
        return place(values, self.image_size, self.extent_in_image, self.region_in_image)
