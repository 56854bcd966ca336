"""A multipart form, taken apart (RFC 7578 and RFC 2046, section 5.1).

The body is at hand as a whole, so its boundaries are found by searching. A parser of streams looks
at single bytes wherever something resembles a boundary, which a body may do everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from python_multipart.multipart import parse_options_header

from brightfield.errors import MalformedForm, TooManyImages

MOST_IMAGES, _MOST_TEXTS = 10_000, 1000
_LONGEST_HEAD = 16_384
_BREAK, _BLANK = b"\r\n", b"\r\n\r\n"
_LONGEST_BOUNDARY = 200
# filename*=UTF-8'en'na%C3%AFve.png (RFC 8187), which the parser of options leaves out.
_EXTENDED_NAME = re.compile(rb";\s*filename\*\s*=\s*\"?([\w-]+)'[\w-]*'([^;\"\s]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FormFile:
    """A file of a form, under the name of its field."""

    field: str
    filename: str | None
    content: bytes


@dataclass(frozen=True, slots=True)
class FormParts:
    """The files and the texts of a form, each in the order sent."""

    files: tuple[FormFile, ...] = ()
    texts: tuple[tuple[str, str], ...] = ()


NO_FORM = FormParts()


def read_form(content_type: str, body: bytes) -> FormParts:
    """The parts of a form. Boundaries are counted before any part is read.

    Raises `MalformedForm`, and `TooManyImages` for more files than any request may have.
    """
    boundary = _boundary(content_type)
    # The first boundary may stand at the very beginning; each other one ends a part.
    count = body.count(_BREAK + boundary) - 1 + body.startswith(boundary)
    if count > MOST_IMAGES + _MOST_TEXTS:
        raise _too_many(count)
    files: list[FormFile] = []
    texts: list[tuple[str, str]] = []
    for head, start, end in _parts(body, boundary):
        name, filename, charset = _described(head)
        if filename is None:
            texts.append((name, _text(body[start:end], charset)))
        else:
            files.append(FormFile(name, filename, body[start:end]))
    if len(files) > MOST_IMAGES or len(texts) > _MOST_TEXTS:
        raise _too_many(count)
    return FormParts(tuple(files), tuple(texts))


def _boundary(content_type: str) -> bytes:
    _, options = parse_options_header(content_type.encode("latin-1"))
    boundary = options.get(b"boundary", b"")
    if not 1 <= len(boundary) <= _LONGEST_BOUNDARY:
        raise _malformed("its Content-Type names no boundary")
    return b"--" + boundary


def _parts(body: bytes, boundary: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The head of each part, and where its content begins and ends."""
    line = _BREAK + boundary
    at = -len(_BREAK) if body.startswith(boundary) else body.find(line)
    if at < -1 or at >= 0:
        position = at + len(line)
        while not body.startswith(b"--", position):
            position = _past_padding(body, position)
            blank = body.find(_BLANK, position, position + _LONGEST_HEAD)
            if blank < 0 or body.startswith(_BREAK, position):
                raise _malformed("the headers of a part are missing or do not end")
            start = blank + len(_BLANK)
            end = body.find(line, blank + len(_BREAK))  # an empty part shares its line break
            if end < 0:
                raise _malformed("it ends before its last boundary")
            yield body[position:blank], start, max(start, end)
            position = end + len(line)
        return
    raise _malformed("its boundary is nowhere to be found")


def _past_padding(body: bytes, position: int) -> int:
    """Behind the line of a boundary, which may have blanks at its end."""
    end = body.find(_BREAK, position, position + _LONGEST_HEAD)
    if end < 0 or body[position:end].strip(b" \t"):
        raise _malformed("a boundary is followed by something else")
    return end + len(_BREAK)


def _described(head: bytes) -> tuple[str, str | None, str]:
    """The name of a part, the name of its file if it is one, and the charset of its text."""
    headers = {}
    for line in head.split(_BREAK):
        name, _, value = line.partition(b":")
        headers[name.strip().lower()] = value.strip()
    _, options = parse_options_header(headers.get(b"content-disposition", b""))
    if b"name" not in options:
        raise _malformed("a part has no name")
    _, kind = parse_options_header(headers.get(b"content-type", b""))
    field = options[b"name"].decode("utf-8", "replace")
    filename = file_name(headers[b"content-disposition"])
    return (
        field,
        "" if filename is None and field == "file" else filename,
        kind.get(b"charset", b"utf-8").decode("latin-1").lower(),
    )


def file_name(disposition: bytes) -> str | None:
    """The name of a file in a Content-Disposition (RFC 6266), None where there is none."""
    extended = _EXTENDED_NAME.search(disposition)
    if extended is not None:
        latin = extended[1].lower() == b"iso-8859-1"
        return unquote_to_bytes(extended[2]).decode("latin-1" if latin else "utf-8", "replace")
    named = parse_options_header(disposition)[1].get(b"filename")
    return None if named is None else named.decode("utf-8", "replace")


def _text(content: bytes, charset: str) -> str:
    """Texts are in UTF-8 or a part of it, unless they say Latin-1."""
    known = {"utf-8": "utf-8", "utf8": "utf-8", "us-ascii": "utf-8", "iso-8859-1": "latin-1"}
    if charset not in known:
        raise _malformed(f"the charset {charset[:40]!r} is not read; send UTF-8")
    try:
        return content.decode(known[charset])
    except UnicodeDecodeError:
        raise _malformed("a text is not in UTF-8") from None


def _malformed(why: str) -> MalformedForm:
    return MalformedForm(f"The multipart form cannot be parsed: {why}.")


def _too_many(count: int) -> TooManyImages:
    return TooManyImages(
        f"The form has {count} parts; at most {MOST_IMAGES:,} files and {_MOST_TEXTS:,} texts are "
        "read. Send fewer at once."
    )
