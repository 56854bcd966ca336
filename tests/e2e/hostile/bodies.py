"""Bodies of JSON, forms, CSV and NPZ that hold very many of something."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Iterator

import numpy as np

from .case import Case

JSON = {"Content-Type": "application/json"}
CSV = {"Content-Type": "text/csv"}
FORM = {"Content-Type": "multipart/form-data; boundary=boundary"}


def jsons() -> Iterator[Case]:
    fillings = {
        "objects": b"{}", "lists": b"[]", "nulls": b"null", "texts": b'""', "ones": b"1",
        "pairs": b'{"a":1}', "images": b'{"data":"AA=="}', "floats": b"1.5",
    }  # fmt: skip
    for count in (20_000, 1_000_000, 8_000_000):
        for name, one in fillings.items():
            many = b",".join([one] * count)
            yield Case(f"{count} {name} as images", b'{"images":[' + many + b"]}", headers=JSON)
            truth = b'{"truth":[' + many + b'],"scores":[' + many + b"]}"
            if count <= 1_000_000:
                yield Case(f"{count} {name} as scores", truth, "/metrics", JSON, seconds=4)
            pair = b'{"task":"segmentation","pairs":[{"truth":{"array":[%s]}}]}' % many
            yield Case(f"{count} {name} as a mask", pair, "/metrics", JSON)
    members = b",".join(b'"%d":0' % n for n in range(1_000_000))
    deep = b"[" * 200_000
    surrogate = b'{"truth":["\\ud800"],"scores":[NaN]}'
    digits = b'{"truth":[0,1],"scores":[0.1,' + b"9" * 1_000_000 + b"]}"
    texts = b'"' + b"a" * 1_000_000 + b'"' + b',""' * 100_000
    for path in ("/classify", "/metrics", "/metrics/runs"):
        yield Case(f"a million members, {path}", b"{" + members + b"}", path, JSON)
        yield Case(f"brackets, {path}", b'{"parameters":' + deep, path, JSON)
        yield Case(f"brackets and NaN, {path}", b'{"truth":[NaN,' + deep, path, JSON)
        yield Case(f"half a surrogate, {path}", surrogate, path, JSON)
        yield Case(f"a million digits, {path}", digits, path, JSON)
    mask = (
        b'{"task":"segmentation","pairs":[{"truth":{"array":[%s]},"prediction":{"array":[[1]]}}]}'
    )
    yield Case("a mask of texts", mask % texts, "/metrics", JSON)
    yield Case("a mask 500 deep", mask % (b"[" * 500 + b"1" + b"]" * 500), "/metrics", JSON)
    for name in ("ids", "filter"):
        for text in ("[" * 3_000, '["\\ud800"]', "9" * 5_000, '{"a":' * 2_000):
            yield Case(f"{name}={text[:9]}", b"", f"/collections/none/duplicates?{name}={text}")


def forms() -> Iterator[Case]:
    def form(*parts: bytes) -> bytes:
        return b"".join(b"--boundary\r\n" + part + b"\r\n" for part in parts) + b"--boundary--\r\n"

    head = b'Content-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    for filling in (b"\r\n--boundar", b"\r\n--boundar\r", b"\r", b"\r\n", b"--boundary", b"\r\n-"):
        body = form(head + filling * (24_000_000 // len(filling)))
        yield Case(f"form filled with {filling!r}", body, headers=FORM)
    for count in (5_000, 100_000, 1_000_000):
        yield Case(f"form of {count} files", form(*[head + b"x"] * count), headers=FORM)
        text = b'Content-Disposition: form-data; name="a"\r\n\r\nb'
        yield Case(f"form of {count} texts", form(*[text] * count), headers=FORM)
    yield Case(
        "form with a long head", form(b"A: " + b"a" * 20_000_000 + b"\r\n" + head), headers=FORM
    )
    yield Case("form with many headers", form(b"A: b\r\n" * 2_000_000 + head), headers=FORM)
    yield Case("form without an end", form(head + b"x")[:-20], headers=FORM)
    yield Case("form of boundaries", b"\r\n--boundary" * 2_000_000, headers=FORM)
    params = b'Content-Disposition: form-data; name="params"\r\n\r\n{"a":' + b"[" * 5_000_000
    yield Case("form with deep params", form(params), headers=FORM)


def tables() -> Iterator[Case]:
    for count in (2_000, 1_000_000):
        columns = b",".join(b"c%d" % n for n in range(count))
        scores = b",".join(b"score:%d" % n for n in range(count))
        yield Case(f"CSV of {count} columns", columns + b"\n", "/metrics", CSV)
        yield Case(f"CSV of {count} score columns", b"truth," + scores + b"\n", "/metrics", CSV)
    yield Case("CSV of quoted lines", b'truth,"\n' + b'",a,"\n' * 2_000_000, "/metrics", CSV)
    yield Case("CSV of commas", b"truth,score\n" + b"," * 40_000_000, "/metrics", CSV)
    yield Case("CSV of lines", b"truth,score\n" + b"\n" * 40_000_000, "/metrics", CSV)
    yield Case("CSV of 4 million rows", b"truth,score\n" + b"1,0.5\n" * 4_000_000, "/metrics", CSV)
    yield Case("CSV of a long field", b'truth,score\n"' + b"a" * 50_000_000, "/metrics", CSV)
    yield Case("NPZ of 60,000 members", archive(60_000), "/metrics")
    yield Case("NPZ of 800 MB", archive(2, np.zeros(400_000_000, np.uint8)), "/metrics")
    yield Case("NPZ with brackets", archive(1, header=b"[" * 9_000), "/metrics")
    yield Case("NPZ, a directory of 200 MB", directory_alone(), "/metrics")


def archive(members: int, array: np.ndarray | None = None, header: bytes = b"") -> bytes:
    file, content = io.BytesIO(), io.BytesIO()
    np.save(content, np.zeros(1) if array is None else array)
    data = content.getvalue()
    if header:
        data = data[:8] + struct.pack("<H", len(header)) + header
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as found:
        for number in range(members):
            found.writestr(f"a{number}.npy", data)
    return file.getvalue()


def directory_alone() -> bytes:
    """An archive whose list of members is one long list of nothing."""
    one = b"PK\x01\x02" + bytes(42)
    body = b"PK\x03\x04" + bytes(26) + one * 2_000_000
    size = len(one) * 2_000_000
    return body + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 0xFFFF, 0xFFFF, size, 30, 0)


def cases() -> Iterator[Case]:
    yield from jsons()
    yield from forms()
    yield from tables()
