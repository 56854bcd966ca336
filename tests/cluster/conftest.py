"""Two replicas of Ray Serve on one machine, over a PostgreSQL, for the tests marked `cluster`."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from ..toys.postgres import schema_on
from .cluster import ClusterProcess

PLACES = 8


@pytest.fixture(scope="module")
def cluster(
    postgres_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ClusterProcess]:
    if find_spec("ray") is None:
        pytest.skip("Ray is not installed: pip install '.[ray]'")
    folder = tmp_path_factory.mktemp("cluster")
    with schema_on(postgres_server) as address:
        running = ClusterProcess(
            folder, database_url=address, replicas=2, max_in_flight=PLACES, lease=6
        )
        with running:
            yield running
        assert running.left == []
