"""Engines on a CUDA device and on the CPU; without a device these tests are skipped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import skimage.data
import torch

from brightfield import Engine
from brightfield.settings import Settings

HERE = Path(__file__).parent
PHOTOGRAPH = Path(skimage.data.__file__).parent / "chelsea.png"
FIELD = Path(skimage.data.__file__).parent / "coins.png"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not torch.cuda.is_available():
        for item in items:
            if HERE in item.path.parents:
                item.add_marker(pytest.mark.skip(reason="there is no CUDA device"))


def _engine(device: str, data: Path) -> Iterator[Engine]:
    with Engine(Settings(device=device, backend="eager", data=data)) as engine:
        yield engine


@pytest.fixture(scope="session")
def on_cpu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    yield from _engine("cpu", tmp_path_factory.mktemp("cpu"))


@pytest.fixture(scope="session")
def on_cuda(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    yield from _engine("cuda:0", tmp_path_factory.mktemp("cuda"))
