"""Intensity: how a caller or a card says which values become 0 and 1."""

from __future__ import annotations

import re
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import core_schema

_WORDS = ("auto", "dtype", "signal")
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_PAIR = re.compile(rf"\s*(percentile|range)\s*:\s*({_NUMBER})\s*,\s*({_NUMBER})\s*")


class Intensity(str):
    """`auto`, `dtype`, `signal`, `percentile:low,high` or `range:low,high`, checked when it is
    made.

    Raises `ValueError` with what would be right.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Intensity:
        _parse(text)
        return super().__new__(cls, "".join(text.split()))

    @property
    def pair(self) -> tuple[float, float] | None:
        """The two numbers of `percentile` and `range`."""
        return _parse(self)

    @property
    def mode(self) -> str:
        """The word before the colon."""
        return self.partition(":")[0]

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(cls, core_schema.str_schema())

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {
            "type": "string",
            "pattern": rf"^(auto|dtype|signal|(percentile|range):{_NUMBER},{_NUMBER})$",
            "examples": ["auto", "dtype", "signal", "percentile:1,99.8", "range:0,4095"],
        }


def _parse(text: str) -> tuple[float, float] | None:
    if text.strip() in _WORDS:
        return None
    match = _PAIR.fullmatch(text)
    if match is None:
        raise ValueError("write auto, dtype, signal, percentile:low,high or range:low,high")
    low, high = float(match[2]), float(match[3])
    if not low < high:
        raise ValueError("the first number must be below the second")
    if match[1] == "percentile" and not (low >= 0 and high <= 100):
        raise ValueError("percentiles lie between 0 and 100")
    return low, high
