"""Changes of a file's structure: the units that its format is made of, not only its bits."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from random import Random

Piece = tuple[int, int]
"""Where a unit begins and ends."""

_NUMBERS = (0, 1, 2, 7, 8, 127, 128, 255, 256, 65_535, 65_536, 2**31 - 1, 2**31, 2**32 - 1)
_LONGEST = 2_000_000
_WORDS = re.compile(rb"[A-Za-z_]{2,40}|-?\d+(?:\.\d+)?|[\[\]{}():,;<>\"'=]")
_ODD = (
    b"0", b"-1", b"1e999", b"9" * 25, b"NaN", b"null", b"true", b'"\\ud800"', b"[" * 50, b"]",
    b"{", b"", b'""', b"4294967296", b"0.5", b"\xff\xfe", b"\0", b"1" * 400,
)  # fmt: skip


def tiff_entries(data: bytes) -> list[Piece]:
    """The entries of all directories."""
    order, big = ("<" if data[:2] == b"II" else ">"), data[2:3] in (b"+",) or data[3:4] == b"+"
    offset, count, step = ("Q", "Q", 20) if big else ("I", "H", 12)
    found: list[Piece] = []
    try:
        (at,) = struct.unpack_from(order + offset, data, 8 if big else 4)
        for _ in range(50):
            if not at:
                break
            (number,) = struct.unpack_from(order + count, data, at)
            start = at + struct.calcsize(count)
            found += [(start + n * step, start + (n + 1) * step) for n in range(min(number, 100))]
            (at,) = struct.unpack_from(order + offset, data, start + number * step)
    except struct.error:
        pass
    return found


def png_chunks(data: bytes) -> list[Piece]:
    found, at = [], 8
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        found.append((at, end))
        at = end
    return found


def jpeg_segments(data: bytes) -> list[Piece]:
    marks = [match.start() for match in re.finditer(rb"\xff[\xc0-\xfe]", data)]
    return list(pairwise([*marks, len(data)]))


def riff_chunks(data: bytes) -> list[Piece]:
    found, at = [(0, 12)], 12
    while at + 8 <= len(data):
        end = at + 8 + int.from_bytes(data[at + 4 : at + 8], "little")
        found.append((at, end + end % 2))
        at = end + end % 2
    return found


def gif_blocks(data: bytes) -> list[Piece]:
    marks = [match.start() for match in re.finditer(rb"[!,;]", data[:5_000])]
    return [(0, 13), *pairwise([*marks, len(data)])]


def zip_records(data: bytes) -> list[Piece]:
    marks = [match.start() for match in re.finditer(rb"PK[\1-\7][\2-\10]", data)]
    return list(pairwise([*marks, len(data)]))


def words(data: bytes) -> list[Piece]:
    """Names, numbers and brackets of texts and of headers that are texts."""
    return [match.span() for match in _WORDS.finditer(data[:20_000])]


_UNITS: tuple[tuple[bytes, Callable[[bytes], list[Piece]]], ...] = (
    (b"\x89PNG", png_chunks), (b"\xff\xd8", jpeg_segments), (b"RIFF", riff_chunks),
    (b"GIF8", gif_blocks), (b"PK", zip_records), (b"BM", lambda _: [(0, 14), (14, 54)]),
)  # fmt: skip


def units(data: bytes) -> list[Piece]:
    """What the file is made of, by its format."""
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return tiff_entries(data)
    for magic, find in _UNITS:
        if data.startswith(magic):
            return find(data)
    return words(data)


def _field(piece: bytes, random: Random) -> bytes:
    """A number somewhere in the unit becomes another one."""
    size = random.choice((1, 2, 2, 4, 4, 8))
    if len(piece) < size:
        return piece
    head = min(len(piece) - size, 32)
    at = random.randrange(0, head + 1, 1 if random.random() < 0.3 else 2)
    order = random.choice(("little", "big"))
    number = random.choice(_NUMBERS) if random.random() < 0.7 else random.getrandbits(32)
    value = (number % 256**size).to_bytes(size, order)  # type: ignore[arg-type]
    return piece[:at] + value + piece[at + size :]


def change_field(data: bytes, pieces: Sequence[Piece], random: Random) -> bytes:
    start, end = random.choice(pieces)
    return data[:start] + _field(data[start:end], random) + data[end:]


def change_word(data: bytes, pieces: Sequence[Piece], random: Random) -> bytes:
    found = words(data)
    if not found:
        return change_field(data, pieces, random)
    start, end = random.choice(found)
    return data[:start] + random.choice(_ODD) + data[end:]


def repeat(data: bytes, pieces: Sequence[Piece], random: Random) -> bytes:
    start, end = random.choice(pieces)
    times = min(random.choice((1, 2, 10, 1_000, 20_000)), _LONGEST // max(1, end - start))
    return data[:end] + data[start:end] * times + data[end:]


def remove(data: bytes, pieces: Sequence[Piece], random: Random) -> bytes:
    start, end = random.choice(pieces)
    return data[:start] + data[end:]


def exchange(data: bytes, pieces: Sequence[Piece], random: Random) -> bytes:
    (a, b), (c, d) = sorted((random.choice(pieces), random.choice(pieces)))
    return data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:] if b <= c else data


def cut(data: bytes, pieces: Sequence[Piece], random: Random) -> bytes:
    return data[: random.randrange(len(data))] if data else data


def flip(data: bytes, pieces: Sequence[Piece], random: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(random.choice((1, 3, 20))):
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


_CHANGES: tuple[tuple[Callable[[bytes, Sequence[Piece], Random], bytes], int], ...] = (
    (change_field, 8), (change_word, 4), (repeat, 2), (remove, 2), (exchange, 2), (cut, 1),
    (flip, 2),
)  # fmt: skip


def mutated(data: bytes, random: Random) -> bytes:
    """The file after one to three changes; checksums of PNG are right again."""
    changes, weights = zip(*_CHANGES, strict=True)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        pieces = [piece for piece in units(data) if piece[0] < piece[1] <= len(data)]
        data = random.choices(changes, weights)[0](data, pieces or [(0, len(data))], random) or b"x"
    return _checked(data) if data.startswith(b"\x89PNG") else data


def _checked(data: bytes) -> bytes:
    fixed = bytearray(data)
    for start, end in png_chunks(data):
        if start + 12 <= end <= len(data):
            fixed[end - 4 : end] = struct.pack(">I", zlib.crc32(data[start + 4 : end - 4]))
    return bytes(fixed)


def files(seeds: Sequence[tuple[str, bytes]], count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """So many mutated files, of each seed as many; the same ones for the same seed."""
    for number in range(count):
        name, data = seeds[number % len(seeds)]
        yield f"{name} {seed}.{number}", mutated(data, Random(f"{seed}.{number}"))
