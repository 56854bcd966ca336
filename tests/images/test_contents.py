"""What a header tells of axes, channels and levels, nothing decoded."""

from __future__ import annotations

import io

import numpy as np
import pytest
import tifffile

from brightfield.errors import InvalidParameter
from brightfield.images.contents import contents
from brightfield.images.selection import Selection


def _tiff(array: np.ndarray, **options: object) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, **options)
    return buffer.getvalue()


def test_all_axes_are_counted_whatever_the_selection_names() -> None:
    data = _tiff(
        np.zeros((2, 3, 4, 8, 9), np.uint16),
        ome=True,
        metadata={"axes": "TZCYX", "Channel": {"Name": ["DAPI", "GFP", "Cy5", "BF"]}},
        photometric="minisblack",
    )
    for selection in (Selection(), Selection(z=1), Selection(z=2, t=1, channels=(1,))):
        found = contents(data, selection)
        assert found.planes == {"t": 2, "z": 3}
        assert found.size.channels == 4
        assert found.size.facts.names == ("DAPI", "GFP", "Cy5", "BF")
        assert (found.first.z, found.first.t) == (selection.z or 0, selection.t or 0)
        assert (found.fault is None) == (selection.t is not None)
    with pytest.raises(InvalidParameter, match="z=0 to z=2"):
        contents(data, Selection(z=3))


def test_levels_are_those_of_the_page() -> None:
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as file:
        file.write(np.zeros((64, 96), np.uint8), subifds=2, tile=(16, 16))
        file.write(np.zeros((32, 48), np.uint8), subfiletype=1, tile=(16, 16))
        file.write(np.zeros((16, 24), np.uint8), subfiletype=1, tile=(16, 16))
    found = contents(buffer.getvalue(), Selection())
    assert found.levels == ((96, 64), (48, 32), (24, 16))
