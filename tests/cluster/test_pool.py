"""A replica that loads the classifier, and one that loads all else, behind one address."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from ..api.conftest import CHELSEA, png
from ..api.test_jobs import ASYNC
from .cluster import ClusterProcess, cluster_on
from .test_two_replicas import eventually

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]
CAT = png(CHELSEA)
POOL = "imagenet-lite0"
REST = "!imagenet-lite0"


@pytest.fixture(scope="module")
def cluster(
    postgres_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ClusterProcess]:
    folder = tmp_path_factory.mktemp("pool")
    with cluster_on(postgres_server, folder, pools=f"classifiers: {POOL} cpus=0.5") as running:
        yield running


def test_a_pool_answers_for_its_models_at_the_services_address(cluster: ClusterProcess) -> None:
    with httpx2.Client(base_url=cluster.url, trust_env=False, timeout=120) as http:
        found = eventually(
            lambda: (
                len(each := http.get("/cluster").json()["replicas"]) == 2
                and all(one["address"] for one in each)
                and each
            )
        )
        places = {one["serves"]: f"http://{one['address']}" for one in found}
        assert set(places) == {POOL, REST}
        passed = http.post("/classify", content=CAT)
        assert passed.status_code == 200, passed.text
        assert len(passed.headers.get_list("x-request-id")) == 1
        job = http.post("/occlusion?window=80&stride=80", content=CAT, headers=ASYNC).json()["id"]
        eventually(lambda: http.get(f"/jobs/{job}").json()["state"] == "succeeded")
        assert http.get(f"/models/{POOL}").json()["replicas"]["serving"] == 1
    own = httpx2.post(f"{places[POOL]}/classify", content=CAT, trust_env=False, timeout=120)
    assert own.json()["result"] == passed.json()["result"]
    counted = {
        serves: httpx2.get(f"{url}/metrics", trust_env=False).text for serves, url in places.items()
    }
    assert "brightfield_passed_on_total 0.0" in counted[POOL]
    assert "brightfield_passed_on_total 0.0" not in counted[REST]
    assert f'loads_total{{model="{POOL}"}}' not in counted[REST]
