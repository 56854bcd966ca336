"""Engines over the toy models."""

from ..toys.engines import engine_of, models  # noqa: F401
