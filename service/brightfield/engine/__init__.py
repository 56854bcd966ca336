"""The engine: images, models, tasks and explanations put together; usable without HTTP."""

from brightfield.engine.answer import Answer, ImageFacts, MultiImageAnswer, Timing
from brightfield.engine.engine import Engine
from brightfield.engine.view import View

__all__ = ["Answer", "Engine", "ImageFacts", "MultiImageAnswer", "Timing", "View"]
