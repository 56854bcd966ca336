"""Two replicas of Ray Serve on one machine, over a PostgreSQL, for the tests marked `cluster`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .cluster import ClusterProcess, cluster_on

PLACES = 8


@pytest.fixture(scope="module")
def cluster(
    postgres_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ClusterProcess]:
    folder = tmp_path_factory.mktemp("cluster")
    with cluster_on(postgres_server, folder, replicas=2, max_in_flight=PLACES) as running:
        yield running
