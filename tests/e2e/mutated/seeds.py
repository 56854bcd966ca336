"""Good files: the test images of the libraries at hand, and small ones in every variety."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import simplejpeg
import skimage.data
import sklearn.datasets
import tifffile
from PIL import Image

_MOST_BYTES = 300_000
_SUFFIXES = {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".gif", ".webp", ".bmp", ".npy"}
CAT = skimage.data.chelsea()[:48, :64]


def of_libraries() -> Iterator[tuple[str, bytes]]:
    """Images that lie in the packages of scikit-image, scikit-learn and others."""
    for package in (skimage, sklearn):
        folder = Path(package.__path__[0])
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() in _SUFFIXES and path.stat().st_size <= _MOST_BYTES:
                yield path.name, path.read_bytes()


def by_pillow() -> Iterator[tuple[str, bytes]]:
    modes = {
        "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
        "JPEG": ("L", "RGB", "CMYK"),
        "GIF": ("L", "P", "RGB"),
        "BMP": ("1", "L", "P", "RGB"),
        "WEBP": ("RGB", "RGBA"),
        "TIFF": ("1", "L", "P", "RGB", "RGBA", "CMYK", "I;16", "F"),
    }
    image = Image.fromarray(CAT)
    exif = Image.Exif()
    exif[274] = 6
    for kind, names in modes.items():
        for mode in names:
            found = image.convert("L").convert("I;16") if mode == "I;16" else image.convert(mode)
            further = {"exif": exif} if kind in ("JPEG", "PNG", "WEBP") else {}
            yield f"{mode}.{kind}", saved(found, kind, **further)
    frames = [image, image.transpose(Image.Transpose.ROTATE_180), image.convert("L")]
    for kind in ("PNG", "GIF", "WEBP", "TIFF"):
        yield f"frames.{kind}", saved(image, kind, save_all=True, append_images=frames)
    yield "progressive.JPEG", saved(image, "JPEG", progressive=True)
    yield "lossless.WEBP", saved(image, "WEBP", lossless=True)
    for packing in ("tiff_lzw", "tiff_deflate", "tiff_jpeg", "packbits", "group3", "group4"):
        found = image.convert("1") if packing.startswith("group") else image
        yield f"{packing}.TIFF", saved(found, "TIFF", compression=packing)


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def by_tifffile() -> Iterator[tuple[str, bytes]]:
    def tiff(array: Any, **options: Any) -> bytes:
        file = io.BytesIO()
        tifffile.imwrite(file, array, **options)
        return file.getvalue()

    for dtype, order, big in product(("u1", "u2", "i2", "f4", "f8"), "<>", (False, True)):
        array = CAT[..., 0].astype(dtype)
        yield f"{dtype}{order}{big}.tif", tiff(array, byteorder=order, bigtiff=big)
    rgb = {"photometric": "rgb"}
    packings = (
        "lzw",
        "zlib",
        "zstd",
        "lzma",
        "packbits",
        "jpeg",
        "jpeg2000",
        "lerc",
        "webp",
        "png",
    )
    for packing, layout in product(packings, ({}, {"tile": (16, 16)}, {"rowsperstrip": 7})):
        yield (
            f"{packing}{len(layout)}.tif",
            tiff(CAT, compression=packing, **rgb, **layout),
        )
    for planar in ("contig", "separate"):
        yield f"{planar}.tif", tiff(
            np.moveaxis(CAT, 2, 0) if planar == "separate" else CAT,
            planarconfig=planar, predictor=planar == "contig", compression="zlib", **rgb,
        )  # fmt: skip
    stack = np.arange(2 * 3 * 4 * 20 * 24, dtype=np.uint16).reshape(2, 3, 4, 20, 24)
    yield "imagej.tif", tiff(stack.reshape(2, 3, 4, 20, 24), imagej=True)
    for kind in ("ome", "shaped"):
        axes = {"axes": "TZCYX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5}
        yield f"{kind}.tif", tiff(stack, ome=kind == "ome", metadata=axes, photometric="minisblack")
    file = io.BytesIO()
    with tifffile.TiffWriter(file, ome=True) as writer:
        for _ in range(3):
            writer.write(CAT, photometric="rgb", subifds=1)
            writer.write(CAT[::2, ::2], photometric="rgb", subfiletype=1)
    yield "scenes.tif", file.getvalue()
    yield "palette.tif", tiff(CAT[..., 0], colormap=np.arange(768, dtype=np.uint16).reshape(3, 256))


def by_codecs() -> Iterator[tuple[str, bytes]]:
    yield "simple.jpg", simplejpeg.encode_jpeg(np.ascontiguousarray(CAT))
    yield "lossless.jpg", imagecodecs.ljpeg_encode(CAT[..., 0])
    yield "12bit.jpg", imagecodecs.jpeg_encode(CAT[..., 0].astype(np.uint16) * 16, bitspersample=12)
    yield "16bit.png", imagecodecs.png_encode(CAT.astype(np.uint16) * 257)


def arrays() -> Iterator[tuple[str, bytes]]:
    for dtype, order in product(("?", "u1", ">u2", "i4", "f2", "<f4", ">f8"), "CF"):
        file = io.BytesIO()
        np.save(file, np.asarray(CAT, dtype, order=order))
        yield f"{dtype}{order}.npy", file.getvalue()


def tables() -> Iterator[tuple[str, bytes]]:
    truth, scores = [0, 1, 1, 0, 1, 0], [0.1, 0.8, 0.7, 0.4, 0.9, 0.2]
    lines = [f"{a},{b},g{a}" for a, b in zip(truth, scores, strict=True)]
    yield "binary.csv", "\n".join(["truth,score,group", *lines]).encode()
    file = io.BytesIO()
    np.savez(file, truth=np.array(truth), score=np.array(scores), id=np.array(list("abcdef")))
    yield "binary.npz", file.getvalue()
    file = io.BytesIO()
    np.savez_compressed(file, truth=np.array(truth), score=np.eye(6)[:, :3])
    yield "packed.npz", file.getvalue()
    yield (
        "binary.json",
        json.dumps({"truth": truth, "scores": scores, "ids": list("abcdef")}).encode(),
    )
    rle = {"size": [2, 3], "counts": [1, 2, 3]}
    mask = {"array": [[0, 1], [1, 0]]}
    pairs = [
        {"truth": mask, "prediction": mask, "id": "a"},
        {"truth": {"rle": rle}, "prediction": {"rle": [rle]}, "id": "b"},
    ]
    yield "masks.json", json.dumps({"task": "segmentation", "pairs": pairs}).encode()
    scene = {
        "images": [{"id": 1, "width": 9, "height": 9}],
        "categories": [{"id": 1, "name": "a"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 4, 4]}],
    }
    found = [{"image_id": 1, "category_id": 1, "bbox": [1, 1, 4, 3.5], "score": 0.9}]
    document = {"task": "detection", "ground_truth": scene, "detections": found}
    yield "scene.json", json.dumps(document).encode()


def seeds() -> list[tuple[str, bytes]]:
    """Every one, by its name."""
    makers = (of_libraries, by_pillow, by_tifffile, by_codecs, arrays, tables)
    return [seed for maker in makers for seed in maker()]
