"""Units of length in micrometres, by the symbols and names that programs write."""

from __future__ import annotations

from math import isfinite

_PREFIXES = (
    ("Y", "yotta", 24), ("Z", "zetta", 21), ("E", "exa", 18), ("P", "peta", 15),
    ("T", "tera", 12), ("G", "giga", 9), ("M", "mega", 6), ("k", "kilo", 3),
    ("h", "hecto", 2), ("da", "deca", 1), ("", "", 0), ("d", "deci", -1), ("c", "centi", -2),
    ("m", "milli", -3), ("µ", "micro", -6), ("μ", "micro", -6), ("u", "micro", -6),
    ("\\u00b5", "micro", -6), ("\\u00B5", "micro", -6), ("n", "nano", -9), ("p", "pico", -12),
    ("f", "femto", -15), ("a", "atto", -18), ("z", "zepto", -21), ("y", "yocto", -24),
)  # fmt: skip

INCHES = frozenset({"in", "inch", "inches", '"'})
_INCH = 25_400.0

_SYMBOLS = {f"{symbol}m": 10.0 ** (power + 6) for symbol, _, power in _PREFIXES} | {
    "Å": 1e-4,  # one letter, and the sign of the unit
    "\u212b": 1e-4,
    "\\u00c5": 1e-4,
    "\\u00C5": 1e-4,
    "thou": _INCH / 1000,
    "mil": _INCH / 1000,
    "li": _INCH / 12,
    "ft": 12 * _INCH,
    "yd": 36 * _INCH,
    "mi": 63_360 * _INCH,
    "pt": _INCH / 72,
    **dict.fromkeys(INCHES, _INCH),
}

_NAMES = {
    **{
        f"{name}{metre}": 10.0 ** (power + 6)
        for _, name, power in _PREFIXES
        for metre in ("meter", "metre", "meters", "metres")
    },
    **dict.fromkeys(("micron", "microns", "µ", "μ"), 1.0),
    **dict.fromkeys(("å", "angstrom", "angstroms", "ångström", "ångströms"), 1e-4),
    **{symbol.lower(): size for symbol, size in _SYMBOLS.items() if symbol[:1].islower()},
}


def in_micrometres(number: object, unit: str) -> float | None:
    """A length as it is written in a file; None unless it is above 0 and of a known unit.

    Symbols count as they are written (`mm` isn't `Mm`), then in lower case; names in any case, and
    in both spellings. Sources: SI; the enumeration UnitsLength of the OME schema (2016-06), of
    which units of astronomy and of the screen (`pixel`, `reference frame`) count as unknown.
    """
    name = unit.strip()
    factor = _SYMBOLS.get(name) or _NAMES.get(name.lower())
    try:
        size = float(str(number)) * (factor or 0.0)
    except ValueError:
        return None
    return size if isfinite(size) and size > 0 else None
