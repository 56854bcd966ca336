"""An image of a request: its bytes, the id under which it is stored, or what is wrong with it."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from dataclasses import dataclass

from brightfield.errors import BrightfieldError
from brightfield.store.images import ProjectImages


class ImageSource(ABC):
    """An image of a request, before its bytes are known; `name` is that of its file, if told."""

    name: str | None

    @abstractmethod
    def load(self, store: ProjectImages) -> bytes:
        """The image's bytes; may block on the disk. Raises what is wrong with the image alone."""

    async def fetch(self, store: ProjectImages) -> bytes:
        """As `load`, without blocking."""
        return await asyncio.to_thread(self.load, store)


@dataclass(frozen=True, slots=True)
class SentImage(ImageSource):
    """An image that came with the request."""

    data: bytes
    name: str | None = None

    def load(self, store: ProjectImages) -> bytes:
        return self.data

    async def fetch(self, store: ProjectImages) -> bytes:
        return self.data


@dataclass(frozen=True, slots=True)
class ImageById(ImageSource):
    """An image that lies in the image store. `load` raises `ImageExpired`."""

    id: str
    name: str | None = None

    def load(self, store: ProjectImages) -> bytes:
        return store.get(self.id)


@dataclass(frozen=True, slots=True)
class FaultyImage(ImageSource):
    """An image that could not be read from the request, so that it doesn't fail its neighbours."""

    fault: BrightfieldError
    name: str | None = None

    def load(self, store: ProjectImages) -> bytes:
        raise self.fault

    async def fetch(self, store: ProjectImages) -> bytes:
        raise self.fault
