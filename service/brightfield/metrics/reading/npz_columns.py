"""Predictions as NPZ, NumPy's archive of arrays; never a pickle."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from brightfield.errors import BrightfieldError, MalformedTable, PickledArray, TooManyBytes
from brightfield.metrics.reading.csv_columns import gathered

_LONGEST_HEADER = 10_000
_END, _END_SIZE, _LONGEST_END = b"PK\x05\x06", 22, 22 + 65_535
_LOCATOR, _LOCATOR_SIZE = b"PK\x06\x07", 20
# Some 1,000 members with names of usual length.
_LONGEST_DIRECTORY = 1 << 18
# zipfile unpacks these two no further than the size that the archive states.
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def read_npz(data: bytes, max_bytes: int) -> dict[str, Any]:
    """The arrays under the names that JSON has for them; `score` may be (n, k).

    Raises `PickledArray` for arrays of Python objects, `TooManyBytes` where the arrays are larger
    than `max_bytes` when unpacked, and `MalformedTable` for what is no such archive.
    """
    try:
        _check_directory(data)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            _check(members, max_bytes)
            arrays = {
                member.filename.removesuffix(".npy"): _array(archive.read(member), member.filename)
                for member in members
            }
    except BrightfieldError:
        raise
    except Exception:  # zipfile raises whatever its parts raise
        raise MalformedTable("The NPZ archive is damaged; write it with numpy.savez.") from None
    return gathered(arrays)


def _check_directory(data: bytes) -> None:
    """Bounds the list of members, which zipfile reads whole, by its size in the archive's last
    record (APPNOTE 4.3.16). The record for larger archives is not written for so few members."""
    end = data.rfind(_END, max(0, len(data) - _LONGEST_END))
    if end < 0 or len(data) < end + _END_SIZE:
        raise MalformedTable("The NPZ archive is damaged; write it with numpy.savez.")
    larger = data[max(0, end - _LOCATOR_SIZE) : end].startswith(_LOCATOR)
    if larger or int.from_bytes(data[end + 12 : end + 16], "little") > _LONGEST_DIRECTORY:
        raise MalformedTable("The NPZ archive has more members than predictions have columns.")


def _check(members: list[zipfile.ZipInfo], max_bytes: int) -> None:
    """Refuse what unpacks to more than is said or allowed."""
    if any(member.compress_type not in _COMPRESSIONS for member in members):
        raise MalformedTable("The NPZ archive is packed in another way than numpy.savez packs.")
    total = sum(member.file_size for member in members)
    if total > max_bytes:
        raise TooManyBytes(
            f"The arrays have {total} bytes when unpacked, and the limit is {max_bytes} "
            "(max_bytes); send fewer rows."
        )


def _array(data: bytes, name: str) -> NDArray[Any]:
    stream = io.BytesIO(data)
    try:
        version = npy.read_magic(stream)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = read(stream, max_header_size=_LONGEST_HEADER)
    except Exception:  # NumPy's reader raises whatever parsing raises
        raise MalformedTable(
            f"{name} is no array as numpy.save writes it; write the archive with numpy.savez."
        ) from None
    if dtype.hasobject:
        raise PickledArray(
            f"{name} holds pickled Python objects, which are never read; make it an array of "
            "numbers or of texts first, for example with astype(float) or astype(str)."
        )
    start, count = stream.tell(), int(np.prod(shape, dtype=object))
    if dtype.itemsize * count != len(data) - start or dtype.itemsize == 0:
        raise MalformedTable(f"{name} does not have as many bytes as its header says.")
    flat = np.frombuffer(data, dtype, count, start)
    array = flat.reshape(shape, order="F" if fortran else "C")
    native: NDArray[Any] = array.astype(dtype.newbyteorder("="), copy=False)
    return native
