"""Images of the other formats whose headers promise more than their bytes hold."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

from .case import Case
from .tiffs import directory, page_tags, tiff


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)  # type: ignore[arg-type]
    return file.getvalue()


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, depth: int, color: int, row: int, extra: bytes = b"") -> bytes:
    """A picture of zeros, `row` bytes each with its filter."""
    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(row)) for _ in range(height)) + packer.flush()
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + extra + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def animated(frames: int, announced: int | None = None) -> bytes:
    """An animated PNG of 8 x 8 pixels whose frames are one pixel each."""
    pixel = zlib.compress(b"\0\0\0\0")
    count = frames if announced is None else announced
    first = chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 8, 8, 0, 0, 1, 1, 0, 0))
    base = png(8, 8, 8, 2, 25, chunk(b"acTL", struct.pack(">II", count & 0xFFFFFFFF, 0)) + first)
    later = b"".join(
        chunk(b"fcTL", struct.pack(">IIIIIHHBB", 2 * n - 1, 1, 1, 0, 0, 1, 1, 0, 0))
        + chunk(b"fdAT", struct.pack(">I", 2 * n) + pixel)
        for n in range(1, frames)
    )
    return base[:-12] + later + base[-12:]


def pngs() -> Iterator[Case]:
    bomb = b"x\0\0" + zlib.compress(bytes(200 << 20), 9)
    for name in (b"iCCP", b"zTXt", b"iTXt", b"eXIf", b"tEXt"):
        yield Case(f"PNG {name.decode()}", png(8, 8, 8, 2, 25, chunk(name, bomb)))
        yield Case(
            f"animated PNG {name.decode()}",
            animated(2).replace(chunk(b"IEND", b""), chunk(name, bomb) + chunk(b"IEND", b"")),
            "/classify?page=1",
        )
    for side in (30_000, 1 << 20, 0x7FFFFFFF):
        yield Case(f"PNG {side} wide and high", png(side, 1, 8, 0, 2).replace(
            struct.pack(">II", side, 1), struct.pack(">II", side, side)))  # fmt: skip
    yield Case("PNG of 16 bits, 400 MP", png(20_000, 20_000, 16, 6, 8))
    yield Case("PNG of 800 MB", png(10_000, 10_000, 16, 6, 80_001))
    for count in (400_000, 3_000_000):
        yield Case(f"PNG of {count} chunks", png(8, 8, 8, 2, 25, chunk(b"aaAa", b"") * count))
    for frames in (5_000, 60_000):
        data = animated(frames)
        yield Case(f"{frames} frames of PNG", data)
        yield Case(f"{frames} frames of PNG, the last", data, f"/classify?page={frames - 1}")
    yield Case("2^31 frames announced", animated(2, 1 << 31), "/classify?page=1000000000")


def jpegs() -> Iterator[Case]:
    large = saved(Image.new("L", (9_000, 9_000)), "JPEG", progressive=True)
    scan = large[large.rindex(b"\xff\xda") : -2]
    for count in (100, 2_000, 200_000):
        yield Case(f"{count} scans", large[:-2] + scan * count + large[-2:])
        page = page_tags(9_000, 9_000, packing=7, strips=[(8, 0)])
        data = large[:-2] + scan * count + large[-2:]
        page = page_tags(9_000, 9_000, packing=7, strips=[(8, len(data))])
        yield Case(f"{count} scans in a TIFF", tiff(page, data))
    small = saved(Image.new("RGB", (16, 16)), "JPEG")
    for filling in (b"\xff\xe1\0\2", b"\xff\x01", b"\xff" * 64, b"\xff\xfe\0\2"):
        yield Case(
            f"JPEG segments {filling[:4].hex()}", small[:2] + filling * 4_000_000 + small[2:]
        )
    frame = small.index(b"\xff\xc0")
    wide = small[: frame + 5] + b"\xff\xdc" * 2 + small[frame + 9 :]
    yield Case("JPEG of 65,500 x 65,500", wide)
    circle = directory([(274, 3, 1)], 8)[:-4] + struct.pack("<I", 8)
    for exif in (
        b"II*\0" + struct.pack("<I", 8) + circle,
        b"II*\0\x08\0\0\0\xff\xff" + bytes(60_000),
    ):
        body = b"Exif\0\0" + exif
        segment = b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
        yield Case(f"EXIF of {len(exif)}", small[:2] + segment + small[2:])


def gifs() -> Iterator[Case]:
    small = saved(Image.new("L", (8, 8)), "GIF")
    start = small.index(b",")
    frame = small[start:-1]
    for count in (4_000, 100_000, 500_000):
        data = small[:start] + frame * count + b";"
        yield Case(f"{count} frames of GIF", data)
        yield Case(f"{count} frames of GIF, the last", data, f"/classify?page={count - 1}")
    for block in (b"\1a", b"\xff" + b"a" * 255):
        for label in (b"\xfe", b"\xff", b"\xf9"):
            extension = b"!" + label + block * (20_000_000 // len(block)) + b"\0"
            yield Case(
                f"GIF {label.hex()} in blocks of {len(block)}",
                small[:start] + extension + small[start:],
            )
    huge = bytearray(small)
    huge[6:10] = b"\xff\xff\xff\xff"
    yield Case("GIF of 65,535 x 65,535", bytes(huge))


def others() -> Iterator[Case]:
    for flags in (0, 2, 16, 18):
        header = b"VP8X" + struct.pack("<I", 10) + bytes([flags, 0, 0, 0]) + b"\x07\0\0" * 2
        for name in (b"EXIF", b"ANMF", b"ALPH", b"XXXX"):
            body = b"WEBP" + header + (name + bytes(4)) * 2_000_000
            yield Case(
                f"WebP {flags} of {name.decode()}", b"RIFF" + struct.pack("<I", len(body)) + body
            )
    vast = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + b"\xff" * 6
    yield Case("WebP of 2^48", b"RIFF" + struct.pack("<I", len(vast)) + vast)
    yield Case(
        "WebP of 80 MP",
        saved(Image.new("RGB", (9_000, 9_000)), "WEBP", lossless=True, quality=0, method=0),
        pixels=2 * 2**30,
        seconds=3,
    )
    bmp = saved(Image.new("RGB", (8, 8)), "BMP")
    for width, height in ((2**31 - 1, -(2**31)), (30_000, 30_000), (0, 0), (-1, -1)):
        yield Case(
            f"BMP {width} x {height}", bmp[:18] + struct.pack("<ii", width, height) + bmp[26:]
        )
    info = struct.pack("<IiiHHIIiiII", 40, 9_000, 9_000, 1, 8, 1, 100, 0, 0, 256, 0)
    rle = b"BM" + struct.pack("<IHHI", 2_000, 0, 0, 54 + 1024) + info + bytes(1024) + b"\0\1" * 50
    yield Case("BMP of run lengths", rle, pixels=2 * 2**30, seconds=1)


def arrays() -> Iterator[Case]:
    def npy(shape: bytes, descr: bytes = b"'|u1'", data: bytes = bytes(64)) -> bytes:
        text = b"{'descr': " + descr + b", 'fortran_order': False, 'shape': (" + shape + b"), }\n"
        return b"\x93NUMPY\x02\0" + struct.pack("<I", len(text)) + text + data

    shapes = {
        "4,000 axes": b"1," * 4_000, "8,000 digits": b"8," + b"9" * 8_000, "2^70": b"8,%d" % 2**70,
        "blanks": b" " * 9_000_000, "empty": b"", "zero": b"0, 0", "one": b"64,",
    }  # fmt: skip
    for name, shape in shapes.items():
        for query in ("", "?axes=YX", "?axes=ZCYX"):
            yield Case(f"npy {name} {query}", npy(shape), f"/classify{query}")
    for descr in (b"'|O'", b"'<c16'", b"[" * 5_000, b"'<U1000000'", b"[('a', '<f8')]"):
        yield Case(f"npy {descr[:12].decode()}", npy(b"8, 8", descr))
    yield Case("npy header of 4 GB", b"\x93NUMPY\x02\0\xff\xff\xff\xff{")


def good() -> bytes:
    """An ordinary picture."""
    pixels = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    return saved(Image.fromarray(pixels), "PNG")


def cases() -> Iterator[Case]:
    yield from pngs()
    yield from jpegs()
    yield from gifs()
    yield from others()
    yield from arrays()
