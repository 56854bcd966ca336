"""OME-XML as events: what tells of images and their planes is kept, everything else passes by."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from xml.parsers import expat

from brightfield.errors import UndecodableImage
from brightfield.images.limits import MOST_PAGES

# Some 100 bytes and 3 elements describe a plane; these are enough for all pages that are read.
MOST_BYTES = 32 << 20
_MOST_ELEMENTS = 300_000
_MOST_IMAGES = 1 << 14
# Files whose images share the XML of all name the planes of the others as well.
_MOST_BLOCKS = 2 * MOST_PAGES
_DEEPEST = 64
ALL = -1
_KEPT = ("DimensionOrder", "SizeX", "SizeY", "SizeZ", "SizeC", "SizeT")
_PHYSICAL = tuple(f"PhysicalSize{axis}{unit}" for axis in "XYZ" for unit in ("", "Unit"))
_LONGEST_UUID = 200
_MOST = 1 << 62


@dataclass(slots=True)
class OmeImage:
    """The attributes of an image's `Pixels`, and where its planes are.

    `blocks` has six numbers for each `TiffData`: the first plane along Z, C and T, the page that
    holds it, how many planes follow (`ALL` as many as there are), and 1 where that page is in the
    file at hand.
    """

    pixels: Mapping[str, str]
    samples: int | None = None
    """Samples of a pixel in the first channel; None where no channel is described."""
    blocks: array[int] = field(default_factory=partial(array, "q"))


def read_ome_xml(xml: bytes) -> list[OmeImage]:
    """The images in OME-XML, in their order.

    Raises `ExpatError` for what isn't XML, `KeyError` or `ValueError` for attributes that are
    wrong and for declarations of entities, `UndecodableImage` for more than any file needs.
    """
    if len(xml) > MOST_BYTES:
        raise _too_much()
    reader = _Reader()
    parser = expat.ParserCreate("utf-8")
    handlers: dict[str, Callable[..., None]] = {
        "StartElementHandler": reader.start,
        "EndElementHandler": reader.end,
        "CharacterDataHandler": reader.text,
        "StartDoctypeDeclHandler": _refuse_entities,
    }
    for name, handler in handlers.items():
        setattr(parser, name, handler)
    parser.Parse(xml, True)
    return reader.images


def _refuse_entities(*_: object) -> None:
    raise ValueError("OME-XML declares no entities; those here may expand without bound")


def _too_much() -> UndecodableImage:
    return UndecodableImage(
        "The OME-XML of the TIFF is larger or deeper than that of any file; save the image without "
        "it, or as several files."
    )


class _Reader:
    """Follows the elements; the names are those of OME > Image > Pixels > TiffData > UUID."""

    def __init__(self) -> None:
        self.images: list[OmeImage] = []
        self._own: str | None = None
        self._path: list[str] = []
        self._count = self._blocks = 0
        self._uuid = ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > _MOST_ELEMENTS or len(self._path) >= _DEEPEST:
            raise _too_much()
        self._path.append(tag.rpartition(":")[2])
        match self._path:
            case [_]:
                self._own = attributes.get("UUID")
            case [_, "Image", "Pixels"]:
                kept = {name: attributes[name] for name in _KEPT}
                kept |= {name: attributes[name] for name in _PHYSICAL if name in attributes}
                self._add(OmeImage(kept))
            case [_, "Image", "Pixels", "Channel"]:
                self._channel(attributes)
            case [_, "Image", "Pixels", "TiffData"]:
                self._place(_block(attributes))
            case [_, "Image", "Pixels", "TiffData", "UUID"]:
                self._uuid = ""

    def end(self, tag: str) -> None:
        # Without an id of its own, the file at hand is meant; so it is by an empty one.
        foreign = self._own is not None and self._uuid not in ("", self._own)
        if foreign and self._path[1:] == ["Image", "Pixels", "TiffData", "UUID"]:
            self.images[-1].blocks[-1] = False
        self._path.pop()

    def text(self, text: str) -> None:
        if self._path[-1] == "UUID" and len(self._uuid) < _LONGEST_UUID:
            self._uuid += text[:_LONGEST_UUID]

    def _add(self, image: OmeImage) -> None:
        if len(self.images) == _MOST_IMAGES:
            raise _too_much()
        self.images.append(image)

    def _place(self, block: tuple[int, ...]) -> None:
        self._blocks += 1
        if self._blocks > _MOST_BLOCKS:
            raise _too_much()
        self.images[-1].blocks.extend(block)

    def _channel(self, attributes: Mapping[str, str]) -> None:
        """The first channel alone tells how many samples each has."""
        image = self.images[-1]
        if image.samples is None:
            image.samples = int(attributes.get("SamplesPerPixel", 1))


def _block(attributes: Mapping[str, str]) -> tuple[int, ...]:
    given = attributes.get
    count = given("PlaneCount", 1 if "IFD" in attributes else ALL)
    first = int(given("FirstZ", 0)), int(given("FirstC", 0)), int(given("FirstT", 0))
    block = (*first, int(given("IFD", 0)), int(count), 1)
    if min(block) < -_MOST or max(block) > _MOST:
        raise ValueError(block)
    return block
