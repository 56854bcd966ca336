"""How large objects may be for a model to know them."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from brightfield.parameters import Parameters

_Size = Annotated[float, Field(gt=0)]


class ObjectSizes(Parameters):
    """How large objects may be: diameters of circles of their area, in pixels of the model's
    input."""

    smallest: _Size
    typical: _Size
    """To which `diameter` brings an image's objects."""
    largest: _Size

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.smallest <= self.typical <= self.largest:
            raise ValueError("smallest, typical and largest must be in this order")
        return self

    def times(self, factor: float) -> ObjectSizes:
        """The same sizes in another unit, or in pixels of another size."""
        sizes = (self.smallest, self.typical, self.largest)
        smallest, typical, largest = (float(f"{factor * size:.6g}") for size in sizes)
        return ObjectSizes(smallest=smallest, typical=typical, largest=largest)
