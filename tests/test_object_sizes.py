"""The sizes that a card states."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from brightfield.object_sizes import ObjectSizes


def test_sizes_in_micrometres() -> None:
    sizes = ObjectSizes(smallest=6, typical=20, largest=48).times(0.325)
    assert sizes.model_dump() == {"smallest": 1.95, "typical": 6.5, "largest": 15.6}


def test_sizes_are_in_order() -> None:
    with pytest.raises(ValidationError, match="in this order"):
        ObjectSizes(smallest=6, typical=60, largest=48)
