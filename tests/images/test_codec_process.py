"""The process that unpacks what no header bounds: its answers, its limits, its end."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import imagecodecs
import numpy as np
import pytest

from brightfield.errors import UndecodableImage
from brightfield.images import codec_process
from brightfield.images.codec_process import CodecProcess

CAT = np.arange(40 * 30 * 3, dtype=np.uint8).reshape(40, 30, 3)
PACKED = imagecodecs.jpeg2k_encode(CAT, level=0)


@pytest.fixture
def codecs() -> Iterator[CodecProcess]:
    made = CodecProcess()
    yield made
    made.close()


def test_several_callers_get_their_own_values_from_one_process(codecs: CodecProcess) -> None:
    packed = [imagecodecs.jpeg2k_encode(CAT[n:], level=0) for n in range(8)]
    with ThreadPoolExecutor(4) as callers:
        found = list(callers.map(lambda data: codecs.unpack("jpeg2000", data, CAT.size), packed))
    for n, values in enumerate(found):
        np.testing.assert_array_equal(values, CAT[n:])


def test_damage_is_an_answer_and_the_process_goes_on(codecs: CodecProcess) -> None:
    with pytest.raises(UndecodableImage, match="damaged"):
        codecs.unpack("jpeg2000", PACKED[:60], CAT.size)
    np.testing.assert_array_equal(codecs.unpack("jpeg2000", PACKED, CAT.size), CAT)


def test_memory_is_bounded_by_the_values_that_are_expected(codecs: CodecProcess) -> None:
    large = imagecodecs.jpeg2k_encode(np.zeros((3500, 3500, 3), np.uint8), level=0)
    with pytest.raises(UndecodableImage, match="memory"):
        codecs.unpack("jpeg2000", large, CAT.size)


def test_what_takes_too_long_is_killed_and_the_next_starts_anew(
    codecs: CodecProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = imagecodecs.jpeg2k_encode(np.zeros((2000, 2000, 3), np.uint8), level=0)
    monkeypatch.setattr(codec_process, "_SECONDS", 0.0)
    monkeypatch.setattr(codec_process, "_SECONDS_A_VALUE", 1e-9)
    with pytest.raises(UndecodableImage, match="too long"):
        codecs.unpack("jpeg2000", large, 48_000_000)
    monkeypatch.undo()
    np.testing.assert_array_equal(codecs.unpack("jpeg2000", PACKED, CAT.size), CAT)
