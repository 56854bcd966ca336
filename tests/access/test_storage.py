"""A project may be filled up to a limit, which is measured now and then."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from brightfield.access import storage as module
from brightfield.access.storage import Storage
from brightfield.refusals import QuotaExceeded
from brightfield.store.collections import Collections, Properties
from brightfield.store.database import open_database
from brightfield.store.folder_images import FolderImages
from brightfield.store.items import Items, NewItem

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_what_is_sent_counts_at_once_and_what_is_deleted_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, now, measured = open_database(f"sqlite:///{tmp_path / 's.db'}"), [0.0], []
    exact = module.stored_bytes
    monkeypatch.setattr(module, "stored_bytes", lambda each: measured.append(1) or exact(each))
    images = FolderImages(tmp_path / "images", ttl=100, max_bytes=10_000, clock=lambda: now[0])
    storage = Storage(engine, images, lambda: now[0])
    assert await storage.admit("default", 1000, 600) == 400
    with pytest.raises(QuotaExceeded, match="600 bytes"):
        await storage.admit("default", 1000, 401)
    assert await storage.admit("other", 1000, 1000) == 0
    assert len(measured) == 2

    now[0] += 11  # what was sent has not been kept, or it would be found
    Collections(engine).make("cells", Properties(), 200)
    Items(engine).add("cells", [NewItem("a", "a", {}, np.ones(200, np.float32))])
    now[0] += 11
    with pytest.raises(QuotaExceeded):
        await storage.admit("default", 1000, 201)
    Collections(engine).delete("cells")
    now[0] += 11
    assert await storage.admit("default", 1000, 201) == 799

    images.of("other").put(b"x" * 700)
    now[0] += 11
    assert await storage.admit("default", 1000, 1000) == 0
    with pytest.raises(QuotaExceeded, match="700 bytes"):
        await storage.admit("other", 1000, 301)
    now[0] += 111
    images.sweep()
    assert await storage.admit("other", 1000, 1000) == 0
    engine.dispose()
