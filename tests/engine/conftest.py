"""Engines over the toy models."""

from ..toys.engines import bench, engine_of, models  # noqa: F401
