"""At which size a model sees an image."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from brightfield.cards import InputSpec
from brightfield.engine.view import View
from brightfield.errors import InvalidParameter, UnfitImage
from brightfield.images.channels import ReadingNeeds
from brightfield.images.picture import Note, Picture
from brightfield.images.scale_choice import ALIKE, MOST_ENLARGED
from brightfield.preprocess import Prepared, preprocess

# What is enlarged more than this has no detail that a model could know.
_MOST_BY_ITSELF = 4.0


class Rescaling(NamedTuple):
    """Seen pixels for each of the image along a side, and what to know about that."""

    factor: float = 1.0
    notes: tuple[Note, ...] = ()


def rescaling(pixel_size: float | None, spec: InputSpec, view: View) -> Rescaling:
    """The caller's factor, else the one that brings objects of the caller's diameter to the size
    that the model knows best, else the one of both pixel sizes, if image and card have one.

    Raises `InvalidParameter` for a wish that can't be followed, `UnfitImage` for a model that
    takes images as they are or brings them to a size of its own.
    """
    if view.diameter is None and view.scale == "off":
        return Rescaling()
    if view.diameter is None and view.scale == "auto":
        return _by_pixel_size(pixel_size, spec)
    _check_sizable(spec)
    if view.diameter is not None:
        return Rescaling(_of_diameter(view, pixel_size, spec))
    assert isinstance(view.scale, float)
    return Rescaling(view.scale)


def reading_needs(spec: InputSpec, view: View) -> ReadingNeeds:
    """How images must be read for the model and the view. Reading raises as `rescaling` does."""
    known = spec.needs
    return ReadingNeeds(
        known.raw, known.channels, lambda pixel_size: rescaling(pixel_size, spec, view).factor
    )


def prepared(picture: Picture, spec: InputSpec, view: View) -> Prepared:
    """The picture as the view and the card ask. Raises as `rescaling` and `preprocess` do."""
    seen = rescaling(picture.pixel_size, spec, view)
    found = preprocess(picture, spec, intensity=view.intensity, region=view.part, scale=seen.factor)
    return replace(found, notes=(*seen.notes, *found.notes))


def _by_pixel_size(here: float | None, spec: InputSpec) -> Rescaling:
    known = spec.pixel_size
    if here is None or known is None or spec.own_size or spec.pixels == "raw":
        return Rescaling()
    factor = here / known
    if abs(factor - 1) <= ALIKE:
        return Rescaling()
    if factor > _MOST_BY_ITSELF:
        return Rescaling(1.0, (_too_coarse(here, spec),))
    detail = (
        f"The image's pixels are {here:.4g} µm and the model's {known:.4g} µm, so the model saw "
        f"the image at {factor:.3g} of its size; the answer is in the image's pixels. scale=off "
        "leaves the size as it is."
    )
    return Rescaling(factor, (Note("image_resampled", detail),))


def _too_coarse(here: float, spec: InputSpec) -> Note:
    assert spec.pixel_size is not None
    sizes = ""
    if spec.objects is not None:
        known = spec.objects.times(spec.pixel_size)
        sizes = f", and knows objects of {known.smallest:.3g} to {known.largest:.3g} µm"
    return Note(
        "objects_outside_range",
        f"The image's pixels are {here:.4g} µm; the model needs {spec.pixel_size:.4g} µm{sizes}. "
        "That would enlarge the image too much, so its size was left as it is. If the pixel size "
        "is wrong, set pixel_size.",
    )


def _check_sizable(spec: InputSpec) -> None:
    if spec.pixels == "raw":
        raise UnfitImage("The model takes arrays as they are; leave scale and diameter out.")
    if spec.own_size:
        raise InvalidParameter(
            "The model brings every image to a size of its own, so scale and diameter would "
            "change nothing; leave them out, and choose a part of the image with region.",
            errors=[{"location": "scale"}, {"location": "diameter"}],
        )


def _of_diameter(view: View, pixel_size: float | None, spec: InputSpec) -> float:
    assert view.diameter is not None
    length, in_micrometres = view.diameter
    if in_micrometres:
        if pixel_size is None:
            raise InvalidParameter(
                "diameter is in micrometres, and the size of the image's pixels isn't known; give "
                "pixel_size, or diameter in pixels.",
                errors=[{"location": "diameter"}, {"location": "pixel_size"}],
            )
        length /= pixel_size
    if spec.objects is None:
        raise InvalidParameter(
            "The model's card doesn't say how large the objects are that it knows; say "
            "scale=FACTOR instead of diameter.",
            errors=[{"location": "diameter"}],
        )
    factor = spec.objects.typical / length
    if factor > MOST_ENLARGED:
        raise InvalidParameter(
            f"Objects of {length:.3g} pixels would be enlarged {factor:.3g} times, and at most "
            f"{MOST_ENLARGED:g} times is done; so small ones show nothing that the model knows.",
            errors=[{"location": "diameter"}],
        )
    return factor
