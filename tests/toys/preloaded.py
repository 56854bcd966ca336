"""A service answers while its default models are loaded; some tests want them there."""

from __future__ import annotations

from contextlib import suppress

from fastapi import FastAPI

from brightfield.errors import BrightfieldError


def preloaded(app: FastAPI) -> None:
    """Wait until the loads of the default models have ended, well or not."""
    if app.state.preloads is not None:
        with suppress(BrightfieldError):
            app.state.preloads.wait()
