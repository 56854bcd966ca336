"""TIFF files whose numbers promise more than their bytes hold."""

from __future__ import annotations

import json
import lzma
import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

from .case import Case

KINDS = {1: "B", 2: "s", 3: "H", 4: "I", 7: "s", 16: "Q"}
_STRIPS, _COUNTS = 273, 279
Tag = tuple[int, int, Any]


def _packed(kind: int, value: Any, order: str) -> tuple[int, bytes]:
    """The number of values and their bytes."""
    if isinstance(value, bytes):
        return len(value) // struct.calcsize(KINDS[kind]), value
    values = value if isinstance(value, Sequence) else [value]
    return len(values), struct.pack(f"{order}{len(values)}{KINDS[kind]}", *values)


def directory(
    tags: Sequence[Tag], at: int, following: int = 0, *, raw: Sequence[bytes] = ()
) -> bytes:
    """A classic directory that stands at `at`, its values behind it; `raw` entries come last."""
    base = at + 2 + 12 * (len(tags) + len(raw)) + 4
    entries, blob = b"", b""
    for tag, kind, value in tags:
        count, data = _packed(kind, value, "<")
        place = data.ljust(4, b"\0") if len(data) <= 4 else struct.pack("<I", base + len(blob))
        blob += data if len(data) > 4 else b""
        entries += struct.pack("<HHI", tag, kind, count) + place
    entries += b"".join(raw)
    return struct.pack("<H", len(tags) + len(raw)) + entries + struct.pack("<I", following) + blob


def page_tags(
    width: int = 8, height: int = 8, bits: int = 8, samples: int = 1, packing: int = 1,
    strips: Sequence[tuple[int, int]] = ((8, 64),), rows: int = 0, kind: int = 1,
) -> list[Tag]:  # fmt: skip
    """What a page needs; `strips` are places and sizes."""
    return [
        (256, 4, width), (257, 4, height), (258, 3, [bits] * samples), (259, 3, packing),
        (262, 3, 1), (_STRIPS, 4, [place for place, _ in strips]), (277, 3, samples),
        (278, 4, rows or height), (_COUNTS, 4, [size for _, size in strips]),
        (339, 3, [kind] * samples),
    ]  # fmt: skip


def tiff(tags: Sequence[Tag], data: bytes = bytes(64), raw: Sequence[bytes] = ()) -> bytes:
    """A file of one page; its data begin at 8."""
    ordered = sorted(tags, key=lambda tag: tag[0])
    at = 8 + len(data)
    return b"II*\0" + struct.pack("<I", at) + data + directory(ordered, at, raw=raw)


def described(text: bytes) -> bytes:
    return tiff([*page_tags(), (270, 2, text + b"\0")])


def chain(count: int, tags: Sequence[Tag], head: Sequence[Tag] = ()) -> bytes:
    """Pages that share their data."""
    pieces, at = [b"II*\0" + struct.pack("<I", 72) + bytes(64)], 72
    for number in range(count):
        own = sorted([*tags, *(head if number == 0 else ())], key=lambda tag: tag[0])
        size = len(directory(own, at))
        pieces.append(directory(own, at, at + size if number + 1 < count else 0))
        at += size
    return b"".join(pieces)


def ome(images: int, attributes: str = "", inside: str = "", planes: int = 1 << 22) -> bytes:
    one = (
        '<Image><Pixels DimensionOrder="XYZCT" Type="uint8" SizeX="8" SizeY="8" '
        f'SizeZ="{planes}" SizeC="1" SizeT="1" {attributes}>{inside}</Pixels></Image>'
    )
    return f"<OME>{one * images}</OME>".encode()


def descriptions() -> Iterator[Case]:
    for count in (16, 17, 2_000, 30_000, 400_000):
        shape = json.dumps({"shape": [2] * count}, separators=(",", ":")).encode()
        yield Case(f"shape of {count} sizes", described(shape))
    shapes = {
        "digits": b"9" * 5_000, "brackets": b"[" * 100_000, "negative": b"-1", "float": b"1e999",
        "word": b'"9"', "true": b"true", "nan": b"NaN", "large": b"4294967296",
    }  # fmt: skip
    for name, size in shapes.items():
        yield Case(f"shape of {name}", described(b'{"shape": [' + size + b", 8, 8]}"))
    for line in ("images", "channels", "slices", "frames"):
        for number in ("4294967295", "9" * 5_000, "-1", "0"):
            text = f"ImageJ=1\nimages=2\n{line}={number}\n".encode()
            yield Case(f"ImageJ {line} {number[:10]}", described(text))
    yield Case("ImageJ of a million lines", described(b"ImageJ=1\n" + b"a=b\n" * 1_000_000))
    for images in (1, 50, 400, 2_000, 20_000):
        yield Case(f"OME of {images} images", described(ome(images)))
    yield Case("OME with digits", described(ome(1, planes=10**4000)))
    yield Case("OME of 2^93 planes", described(ome(1).replace(b'SizeC="1"', b'SizeC="2147483647"')))
    blocks = {
        "many": '<TiffData IFD="0"/>' * 250_000,
        "over one another": '<TiffData PlaneCount="4000000"/>' * 200_000,
        "counts": f'<TiffData IFD="0" PlaneCount="{10**30}"/>',
        "negative": '<TiffData IFD="-9" FirstZ="-1" PlaneCount="-5"/>',
    }
    for name, inside in blocks.items():
        yield Case(f"OME blocks {name}", described(ome(1, inside=inside)))
        yield Case(f"OME blocks {name}, z=7", described(ome(1, inside=inside)), "/classify?z=7")
    deep = b"<a>" * 1_000_000 + b"</a>" * 1_000_000
    yield Case("OME a million deep", described(b"<OME>" + deep + b"</OME>"))
    yield Case("OME of 5 million elements", described(b"<OME>" + b"<a/>" * 5_000_000 + b"</OME>"))
    yield Case("OME of 100 MB", described(b"<OME>" + b" " * (100 << 20) + b"</OME>"))
    yield Case("OME, a long attribute", described(ome(1, f'Name="{"a" * (20 << 20)}"')))
    laughs = b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 9))
    doctype = b'<!DOCTYPE OME [<!ENTITY a0 "aa">' + laughs + b"]>"
    yield Case("OME laughs", described(doctype + b"<OME>&a8;</OME>"))


def tags() -> Iterator[Case]:
    """Each tag that tifffile knows to interpret, with a count beyond reason or much in it."""
    vendors = (
        330, 700, 33550, 33628, 33629, 33630, 33631, 34118, 34361, 34362, 34412, 34665, 34675,
        34853, 37706, 37724, 42113, 43314, 50838, 50839, 51123, 65420, 65426,
    )  # fmt: skip
    known = (254, 258, 262, 266, 270, 273, 279, 305, 320, 324, 325, 338, 339, 347, 513, 514, 530)
    for tag in vendors + known:
        for kind in (1, 4, 7):
            entry = struct.pack("<HHII", tag, kind, 0x3FFFFFFF, 8)
            own = [t for t in page_tags() if t[0] != tag]
            yield Case(f"tag {tag} of kind {kind}, 2^30 values", tiff(own, raw=[entry]))
    large = bytes(24 << 20)
    for tag in vendors + known:
        own = [t for t in page_tags() if t[0] != tag]
        yield Case(f"tag {tag}, 6 million values", tiff([*own, (tag, 4, large)]))
    yield Case("65,535 tags", tiff(page_tags(), raw=[struct.pack("<HHII", 9, 3, 1, 0)] * 65_000))
    yield Case("description of 100 MB", described(bytes(100 << 20)))
    sub = (330, 4, [72] * 200_000)
    yield Case("200,000 subdirectories", tiff([*page_tags(), sub]))
    yield Case("STK of a million planes", tiff([*page_tags(), (33628, 4, 0), (33629, 4, [0] * 6)],
               raw=[struct.pack("<HHII", 33629, 5, 1 << 20, 8)]))  # fmt: skip


def directories() -> Iterator[Case]:
    small = page_tags()
    for count in (20_000, 60_000, 100_000):
        data = chain(count, small)
        yield Case(f"{count} pages", data)
        yield Case(f"{count} pages, the last", data, f"/classify?page={count - 1}")
    axes = json.dumps({"shape": [20_000, 8, 8], "axes": "CYX"}).encode()
    yield Case("20,000 pages as channels", chain(20_000, small, [(270, 2, axes + b"\0")]))
    body = tiff(small)
    yield Case("a circle", body[:-4] + struct.pack("<I", 72))
    # Each directory begins one entry behind the one before, in the same entries.
    entries = struct.pack("<HHII", 65_000, 65_000, 0, 0) * 120_000
    yield Case("directories within directories", b"II*\0" + struct.pack("<I", 8) + entries)
    big = b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 1 << 60) + bytes(64)
    yield Case("2^60 entries", big)


def strips() -> Iterator[Case]:
    for count in (50_000, 100_000, 1_000_000):
        page = page_tags(8, count, strips=[(8, 8)] * count, rows=1)
        yield Case(f"{count} strips at one place", tiff(page), pixels=24 * count)
    large = bytes(32 << 20)
    for packing in (5, 8, 32773, 34925, 50000, 7, 33005):
        page = page_tags(8, 5_000, packing=packing, strips=[(8, len(large))] * 5_000, rows=1)
        yield Case(f"5,000 strips of 32 MB, packing {packing}", tiff(page, large))
    zeros = {8: zlib.compress(bytes(200 << 20), 9), 34925: lzma.compress(bytes(100 << 20))}
    for packing, data in zeros.items():
        page = page_tags(packing=packing, strips=[(8, len(data))])
        yield Case(f"packing {packing}, 100 MB for 64 bytes", tiff(page, data))
    for bits, samples, side in ((64, 5, 10_000), (64, 5, 4_000), (32, 4, 9_000), (16, 9, 8_000)):
        strip = zlib.compress(bytes(side * samples * bits // 8 * 100), 9)
        several = [(8, len(strip))] * (side // 100)
        page = page_tags(side, side, bits, samples, 8, several, 100, 3 if bits > 16 else 1)
        yield Case(f"{side}^2 x {samples} x {bits} bits", tiff(page, strip))
    for tag in (256, 257, 277, 278, 322, 323):
        for number in (0, 1, 0x7FFFFFFF, 0xFFFFFFFF):
            own = [t for t in page_tags() if t[0] != tag]
            yield Case(f"size {tag} of {number}", tiff([*own, (tag, 4, number)]))


def cases() -> Iterator[Case]:
    yield from descriptions()
    yield from tags()
    yield from directories()
    yield from strips()
