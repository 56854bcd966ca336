"""The toy models, served by an application that is asked directly."""

from ..toys.engines import models  # noqa: F401
