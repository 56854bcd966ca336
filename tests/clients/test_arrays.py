from __future__ import annotations

import numpy as np
import pytest

from brightfield_client import UnexpectedReply
from brightfield_client.arrays import decode_array


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float32", "float64", "bool"])
def test_every_dtype_comes_back(encoded, dtype):
    array = (np.random.default_rng(0).normal(size=(2, 3, 4)) * 100).astype(dtype)
    back = decode_array(encoded(array))
    assert back.dtype == array.dtype
    assert back.flags.writeable
    np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize(
    "wrong",
    [
        {"shape": [3]},
        {"dtype": "object"},
        {"data": "!!"},
        {"data": "AAA="},
        {"dtype": "no such"},
        {"shape": None},
    ],
)
def test_what_does_not_fit_is_refused(encoded, wrong):
    with pytest.raises(UnexpectedReply):
        decode_array({**encoded(np.zeros((2, 2), np.float32)), **wrong})
