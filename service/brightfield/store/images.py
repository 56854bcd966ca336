"""Uploaded images, kept for a while after each use: in a folder, or in a table of the store."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass

from brightfield.errors import ImageExpired, InvalidParameter, TooManyBytes
from brightfield.store.ownership import DEFAULT_PROJECT

ROOM = 0.9
"""A full store is cut back to this share, so that not every upload reads all of it."""

_ID = re.compile(r"sha256:([0-9a-f]{64})", re.IGNORECASE)


class ImageStore(ABC):
    """Images by the SHA-256 of their bytes, each for a while after its last use, bounded in all.

    They may vanish at any moment; then an image is gone, and nothing else. Thread-safe.
    """

    def of(self, project: str) -> ProjectImages:
        """The images that a project has put here."""
        return ProjectImages(self, project)

    @property
    @abstractmethod
    def place(self) -> str:
        """What tells this store of images from others: two processes with the same share it.

        Raises `StoreUnavailable`.
        """

    @abstractmethod
    def put(self, data: bytes, project: str = DEFAULT_PROJECT) -> str:
        """Keeps `data`; its id, `sha256:` and 64 hexadecimal digits. The same bytes have one id.

        The longest unused ones make room for it. Raises `TooManyBytes` when it alone is over the
        bound, `StoreUnavailable` (`StoreFull`, `StoreReadOnly`) when it cannot be written.
        """

    @abstractmethod
    def get(self, image_id: str, project: str = DEFAULT_PROJECT) -> bytes:
        """The bytes of an image that the project has put here, which counts as a use of it.

        Raises `ImageExpired` when it is not there (never was, expired, made room for others), and
        `InvalidParameter` when `image_id` is not of the form that `put` answers.
        """

    @abstractmethod
    def use(self, image_id: str, project: str = DEFAULT_PROJECT) -> int:
        """The number of bytes of an image, which counts as a use of it; raises as `get`."""

    @abstractmethod
    def sweep(self) -> int:
        """Removes what has expired, then the longest unused over the bound; the number removed."""

    @abstractmethod
    def held(self, project: str = DEFAULT_PROJECT) -> int:
        """How many bytes the images have that a project has put here."""


@dataclass(frozen=True, slots=True)
class ProjectImages:
    """The images of a project: who knows the digest of another project's image has no pixel of it.

    All projects share the store and its bound.
    """

    store: ImageStore
    project: str

    def put(self, data: bytes) -> str:
        return self.store.put(data, self.project)

    def get(self, image_id: str) -> bytes:
        return self.store.get(image_id, self.project)

    def use(self, image_id: str) -> int:
        return self.store.use(image_id, self.project)


def check_size(size: int, most: int) -> None:
    """Raises `TooManyBytes`."""
    if size > most:
        raise TooManyBytes(
            f"The image has {size} bytes and the service keeps {most} bytes of "
            "uploaded images at most; send it within the request instead."
        )


def expired() -> ImageExpired:
    """An image that isn't there, or no longer."""
    return ImageExpired("The image is not stored, or no longer; upload it again with PUT /images.")


def digest_of(image_id: str) -> str:
    """The digest within an id. Raises `InvalidParameter`."""
    match = _ID.fullmatch(image_id)
    if match is None:
        form = "sha256: and 64 hexadecimal digits"
        raise InvalidParameter(
            f"The id of a stored image is {form}, as PUT /images answers it.",
            errors=[{"location": "image", "expected": form, "received": image_id[:80]}],
        )
    return match[1].lower()
