"""Uploaded images as files, named by the SHA-256 of their bytes. Machines may share the folder.

A file's modification time is the time of its last use, so the cache needs no index and outlives a
restart. Files may vanish at any moment; then the image is gone, and nothing else.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from brightfield.store import faults
from brightfield.store.images import ROOM, ImageStore, check_size, digest_of, expired
from brightfield.store.ownership import DEFAULT_PROJECT

T = TypeVar("T")

_NAME = re.compile(r"[0-9a-f]{64}")
_UNFINISHED = "upload-"
_PROJECT = "project-"
_ABANDONED = 3600.0  # seconds after which an unfinished file is a crash's leftover
_OWN_NAME = ".name"


@dataclass(frozen=True)
class _Stored:
    path: Path
    used: float
    size: int
    whole: bool


class FolderImages(ImageStore):
    """Images in `folder`, each for `ttl` seconds after its last use, `max_bytes` in all.

    Thread-safe. `clock` gives seconds since 1970.
    """

    def __init__(
        self, folder: Path, ttl: float, max_bytes: int, clock: Callable[[], float] = time.time
    ) -> None:
        self._folder = folder
        self._ttl = ttl
        self._max_bytes = max_bytes
        self._clock = clock
        self._lock = threading.Lock()
        # Of looking at a file's last use and acting by it: an image that is used or kept again is
        # never removed for its former use.
        self._uses = threading.Lock()
        self._bytes = 0  # an estimate from above, set right by every sweep
        self.sweep()

    @property
    def place(self) -> str:
        """The folder's own name, which stands in it, since machines reach it by other paths."""
        file = self._folder / _OWN_NAME
        try:
            if not file.exists():
                self._folder.mkdir(parents=True, exist_ok=True)
                handle, draft = tempfile.mkstemp(prefix=_OWN_NAME, dir=self._folder)
                with os.fdopen(handle, "w") as written:
                    written.write(uuid.uuid4().hex)
                with suppress(FileExistsError):  # another process was quicker
                    os.link(draft, file)
                Path(draft).unlink()
            return f"folder {file.read_text()}"
        except OSError as error:
            raise faults.of_disk(error) from error

    def put(self, data: bytes, project: str = DEFAULT_PROJECT) -> str:
        """As the contract says. The file appears whole or not at all."""
        check_size(len(data), self._max_bytes)
        digest = hashlib.sha256(data).hexdigest()
        path = self._path(digest, project)
        try:
            self._write(path, data)
        except OSError as error:
            raise faults.of_disk(error) from error
        with self._lock:
            self._bytes += len(data)
            if self._bytes > self._max_bytes:
                self._make_room(int(self._max_bytes * ROOM), newest=path)
        return f"sha256:{digest}"

    def get(self, image_id: str, project: str = DEFAULT_PROJECT) -> bytes:
        return self._used(image_id, project, Path.read_bytes)

    def use(self, image_id: str, project: str = DEFAULT_PROJECT) -> int:
        return self._used(image_id, project, lambda path: path.stat().st_size)

    def _used(self, image_id: str, project: str, read: Callable[[Path], T]) -> T:
        path = self._path(digest_of(image_id), project)
        try:
            with self._uses:
                fresh = self._clock() - path.stat().st_mtime <= self._ttl
                if fresh:
                    with suppress(OSError):
                        self._touch(path)
            if fresh:
                return read(path)
        except FileNotFoundError:
            pass  # it vanished, at once or before it was read
        except OSError as error:
            raise faults.of_disk(error) from error
        raise expired()

    def sweep(self) -> int:
        """Also removes unfinished files that a crash left behind."""
        with self._lock:
            return self._make_room(self._max_bytes)

    def held(self, project: str = DEFAULT_PROJECT) -> int:
        return sum(image.size for image in _stored(self._root(project)))

    def _path(self, digest: str, project: str) -> Path:
        return self._root(project) / digest[:2] / digest

    def _root(self, project: str) -> Path:
        """Its own folder, in which nobody else asks; the default project has the whole one."""
        if project == DEFAULT_PROJECT:
            return self._folder
        return self._folder / f"{_PROJECT}{hashlib.sha256(project.encode()).hexdigest()[:32]}"

    def _touch(self, path: Path) -> None:
        moment = int(self._clock() * 1e9)
        os.utime(path, ns=(moment, moment))

    def _write(self, path: Path, data: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=_UNFINISHED, dir=path.parent)
        unfinished = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            self._touch(unfinished)
            with self._uses:
                unfinished.replace(path)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise

    def _make_room(self, limit: int, newest: Path | None = None) -> int:
        now = self._clock()
        kept, removed = [], 0
        for image in (each for root in self._roots() for each in _stored(root)):
            if now - image.used > (self._ttl if image.whole else _ABANDONED):
                removed += self._remove(image)
            elif image.whole:
                kept.append(image)
        self._bytes = sum(image.size for image in kept)
        for image in sorted(kept, key=lambda image: image.used):
            if self._bytes <= limit:
                break
            if image.path != newest and self._remove(image):
                removed += 1
                self._bytes -= image.size
        return removed

    def _remove(self, image: _Stored) -> bool:
        """Remove a file unless it was used or written since it was listed."""
        try:
            with self._uses:
                if image.path.stat().st_mtime != image.used:
                    return False
                image.path.unlink()
        except OSError:
            return False
        return True

    def _roots(self) -> list[Path]:
        return [self._folder, *self._folder.glob(f"{_PROJECT}*")]


def _stored(root: Path) -> Iterator[_Stored]:
    """The files in a project's folder."""
    for path in root.glob("??/*"):
        whole = _NAME.fullmatch(path.name) is not None
        if not whole and not path.name.startswith(_UNFINISHED):
            continue
        try:
            facts = path.stat()
        except OSError:
            continue
        yield _Stored(path, facts.st_mtime, facts.st_size, whole)
