"""Which of the offered formats a request asks for, by `format` or its Accept header."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from brightfield.errors import NotAcceptable


def negotiate(
    wanted: str | None, accept: str | None, offered: Sequence[str], media_type: Callable[[str], str]
) -> str:
    """The format that is `wanted`, else the first offered one that the Accept header allows.

    `media_type` says which one belongs to a format. Raises `NotAcceptable` listing what the
    endpoint offers.
    """
    if wanted is not None:
        if wanted in offered:
            return wanted
        raise NotAcceptable(f"format={wanted!r} is not offered here; {', '.join(offered)} are.")
    if not accept or accept == "*/*":
        return offered[0]
    for media_range in _media_ranges(accept):
        for name in offered:
            if _matches(media_type(name), media_range):
                return name
    media_types = dict.fromkeys(media_type(name) for name in offered)
    raise NotAcceptable(f"Accept: {accept} fits none of {', '.join(media_types)}.")


def _media_ranges(accept: str) -> list[str]:
    """The acceptable media types, most wanted first."""
    ranked = []
    for part in accept.split(","):
        media_type, _, rest = part.partition(";")
        quality = 1.0
        for option in rest.split(";"):
            name, _, value = option.partition("=")
            if name.strip() == "q":
                try:
                    quality = float(value)
                except ValueError:
                    quality = 0.0
        if quality > 0:
            ranked.append((-quality, media_type.strip().lower()))
    return [media_type for _, media_type in sorted(ranked, key=lambda pair: pair[0])]


def _matches(media_type: str, media_range: str) -> bool:
    kind = media_range.partition("/")[0]
    return media_range in ("*/*", media_type) or (
        media_range.endswith("/*") and media_type.startswith(f"{kind}/")
    )
