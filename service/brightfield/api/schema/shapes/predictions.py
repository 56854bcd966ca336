"""The results of the tasks: the member `result` of an answer."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from brightfield.api.schema.shapes.common import (
    Base64,
    BoundingBox,
    EncodedArray,
    EncodedPicture,
    ImagePoint,
    LabelColor,
    Natural,
    RunLengths,
    WindowPlaces,
)
from brightfield.api.schema.shapes.shape import shape
from brightfield.tasks.objects.segmentation import Mode
from brightfield.tasks.superresolve import Encoding

_Number = Annotated[int, Field(ge=1)]
_Place = Annotated[list[Natural], Field(min_length=2, max_length=2)]


@shape
class PredictedClass(TypedDict):
    """A class and its score."""

    label: str
    class_id: Natural
    score: float | None
    """In [0, 1], or unbounded for models without an activation; null where it is not a number."""


@shape
class ClassificationResult(TypedDict):
    """The classes of an image."""

    predictions: list[PredictedClass]
    """The best first."""


@shape
class ScoreMaps(EncodedArray):
    """Scores (classes, height, width) of a classifier at every place: one value for each window, or
    with `space=image` one for each pixel."""

    labels: list[str]
    """The class of each map."""
    grid: WindowPlaces
    signed: Literal[False]
    min: float | None
    """Least value of all maps; null if any value is not a number."""
    max: float | None
    """Greatest value of all maps."""


@shape
class ClassMapResult(ClassificationResult):
    """The classes of an image, and where in a large field they are."""

    map: ScoreMaps


@shape
class EmbeddingResult(TypedDict):
    """The feature vector of an image."""

    dim: Natural
    """How many values it has."""
    layer: str
    """The layer that it comes from."""
    embedding: list[float | None]
    normalized: bool
    """Whether it was scaled to length 1."""


@shape
class KnownClass(TypedDict):
    """A class that the model knows, found or not."""

    class_id: Natural
    label: str
    color: LabelColor


@shape
class ClassArea(KnownClass):
    """A class that the model knows, and how much of the image it takes."""

    area_px: Annotated[float, Field(ge=0)]


class _Object(TypedDict):
    id: _Number
    """Counted from 1; the object's value in the mask, where there is one."""
    label: str
    class_id: Natural
    score: float | None
    box: BoundingBox


@shape
class DetectedObject(_Object):
    """An object by its box."""

    uuid: str
    """The id that the object has in GeoJSON."""


@shape
class SegmentedObject(_Object):
    """An object by its pixels, and what is measured of them."""

    uuid: str
    """The id that the object has in GeoJSON."""
    area_px: Annotated[float, Field(ge=0)]
    """Whole, but for objects in pixels of a larger image."""
    area_um2: NotRequired[float]
    """Square micrometres, where the pixel size is known."""
    centroid: ImagePoint
    mean_intensity: list[float | None]
    """For each channel, in the image's own values."""
    rle: NotRequired[RunLengths]
    outline: NotRequired[list[list[list[list[float]]]]]
    """Polygons, each of them rings (the exterior and holes) of corners [x, y]."""


@shape
class FieldPlace(TypedDict):
    """Where the image lies in the larger one whose pixels coordinates and areas count; `rle` and
    masks stay on the image's own grid."""

    offset: Annotated[list[float], Field(min_length=2, max_length=2)]
    """x, y of its corner."""
    downsample: Annotated[float, Field(gt=0)]
    """Pixels of the larger image for one of this."""


@shape
class DetectionResult(TypedDict):
    """The objects of an image."""

    classes: list[KnownClass]
    objects: list[DetectedObject]
    """The best first."""
    placement: NotRequired[FieldPlace]


@shape
class LabelImage(TypedDict):
    """The objects' numbers at their pixels as a file; 0 is the background."""

    format: Literal["png", "tiff"]
    bits: Literal[16, 32]
    data: Base64


@shape
class SegmentationResult(TypedDict):
    """The pixels of each class, or of each object."""

    mode: Mode
    classes: list[ClassArea]
    objects: list[SegmentedObject]
    mask: LabelImage
    placement: NotRequired[FieldPlace]


@shape
class SolidBox(TypedDict):
    """A box through planes [zmin, zmax)."""

    xmin: float
    ymin: float
    zmin: Natural
    xmax: float
    ymax: float
    zmax: Natural


@shape
class SolidPoint(TypedDict):
    """A place in pixels and planes."""

    x: float
    y: float
    z: float


@shape
class SolidObject(TypedDict):
    """An object through several planes."""

    id: _Number
    label: str
    class_id: Natural
    score: float
    box: SolidBox
    voxels: Natural
    volume_um3: NotRequired[float]
    """Cubic micrometres, where the size of a voxel is known."""
    centroid: SolidPoint


@shape
class VolumeResult(TypedDict):
    """The objects of a stack, linked through its planes."""

    mode: Mode
    planes: Natural
    classes: list[KnownClass]
    objects: list[SolidObject]
    mask: LabelImage
    placement: NotRequired[FieldPlace]


@shape
class EnlargedPicture(TypedDict):
    """An image as a file."""

    format: Encoding
    width: Natural
    height: Natural
    axes: str
    dtype: str
    pixel_size: float | None
    """Micrometres per pixel, where known."""
    data: Base64


@shape
class SuperresolutionResult(TypedDict):
    """The image with more pixels."""

    scale: Annotated[int, Field(ge=2)]
    """How many times more along a side."""
    image: EnlargedPicture
    psnr: NotRequired[float | None]
    """Against the reference, in dB; null where they are equal."""
    ssim: NotRequired[float | None]
    """Against the reference."""


@shape
class UnitResponse(TypedDict):
    """How a unit of a layer responds to an image."""

    unit: Natural
    max: float | None
    mean: float | None
    place: _Place
    """[row, column] of the greatest value."""
    position: ImagePoint
    """The middle of that place."""
    box: BoundingBox
    """What that place sees."""


@shape
class ReceptiveFieldSize(TypedDict):
    """How much of the input a place of a layer sees."""

    height: Natural
    width: Natural
    everywhere: bool
    """Whether it sees the whole image, or it is not known how much."""


@shape
class ActivationsResult(TypedDict):
    """The feature maps that a layer makes of an image."""

    layer: str
    units: list[UnitResponse]
    maps: EncodedArray
    """(units, height, width) on the layer's own grid."""
    receptive_field: ReceptiveFieldSize


@shape
class ExcitingPatch(TypedDict):
    """The part of an image that excites a unit."""

    image: Natural
    """The image's place among those sent."""
    value: float | None
    place: _Place
    """[row, column] in the unit's map."""
    position: ImagePoint
    box: BoundingBox
    patch: EncodedPicture
    """The image's pixels there."""
    guided: EncodedPicture | None
    """The gradient of the value by the pixels, 0 as middle grey; null where there is none."""


@shape
class UnitPatches(TypedDict):
    """What excites a unit most."""

    unit: Natural
    patches: list[ExcitingPatch]


@shape
class PatchesResult(TypedDict):
    """The parts of several images that excite the units of a layer most."""

    layer: str
    rule: Literal["guided", "plain"]
    """How gradients were taken."""
    units: list[UnitPatches]
