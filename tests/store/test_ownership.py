"""A project sees only its own collections, jobs and runs; a store of earlier versions opens."""

from __future__ import annotations

import numpy as np
import pytest
import sqlalchemy as sa

from brightfield.errors import UnknownCollection, UnknownJob, UnknownRun
from brightfield.store.collections import Collections, Properties
from brightfield.store.database import open_database, writing
from brightfield.store.items import Items, NewItem
from brightfield.store.jobs import StoredReply
from brightfield.store.ownership import of_project
from brightfield.store.runs import RunStore, StoredChunk

from .earlier import to_revision
from .jobs_at_hand import at_hand


@pytest.fixture
def optics(engine: sa.Engine) -> sa.Engine:
    return of_project(engine, "optics")


def test_collections_of_one_name_are_two_things(engine: sa.Engine, optics: sa.Engine) -> None:
    for database, dim in ((engine, 3), (optics, 5)):
        assert Collections(database).make("cells", Properties(), dim)
        item = NewItem("a", "s", {}, np.zeros(dim, np.float32))
        assert Items(database).add("cells", [item]) == ["added"]
    assert [each.dim for each in Collections(optics).all()] == [5]
    assert Collections(engine).get("cells").dim == 3
    Collections(optics).delete("cells")
    assert Collections(engine).get("cells").size == 1
    with pytest.raises(UnknownCollection) as unknown:
        Collections(optics).get("cells")
    assert "Did you mean" not in str(unknown.value)  # names of others aren't told
    with pytest.raises(UnknownCollection):
        Items(optics).delete("cells", ["a"])
    with pytest.raises(UnknownCollection), Items(optics).moment("cells"):
        pass
    assert Collections(engine).get("cells").size == 1


def test_a_job_is_unknown_to_other_projects(engine: sa.Engine, optics: sa.Engine) -> None:
    mine, theirs, anybody = at_hand(optics), at_hand(engine).jobs, at_hand(engine).claims
    job = mine.queued()
    for ask in (theirs.get, theirs.cancel, theirs.result):
        with pytest.raises(UnknownJob):
            ask(job.id)
    claimed = anybody.claim()  # a replica runs the jobs of all projects
    assert claimed is not None and (claimed.job.id, claimed.project) == (job.id, "optics")
    assert anybody.finish(claimed, StoredReply(200, {}, b"x"), 1, 1)
    assert mine.jobs.get(job.id).state == "succeeded"
    assert theirs.expire(-1e9) == 1  # what is old goes, whose ever it is


def test_a_run_is_unknown_to_other_projects(engine: sa.Engine, optics: sa.Engine) -> None:
    mine, theirs = RunStore(optics), RunStore(engine)
    run, _ = mine.create("classification", {}, "june")
    other, new = theirs.create("classification", {"x": 1}, "june")
    assert new and other.id != run.id
    assert (mine.page(10, 0).total, mine.page(10, 0).runs[0].id) == (1, run.id)
    chunk = StoredChunk("ab", "application/json", 1, {}, ["a"], b"{}")
    for ask in (
        theirs.get,
        theirs.entries,
        theirs.delete,
        lambda each: theirs.put(each, "key", chunk, lambda _, frame: frame),
    ):
        with pytest.raises(UnknownRun):
            ask(run.id)
    assert mine.get(run.id).chunks == 0


def test_a_store_of_an_earlier_version_keeps_all_it_has(store_url: str) -> None:
    engine = open_database(store_url)
    Collections(engine).make("cells", Properties(), 3)
    vector = np.ones(3, np.float32)
    Items(engine).add("cells", [NewItem("a", "s", {"n": 1}, vector, b"thumbnail")])
    run, _ = RunStore(engine).create("classification", {}, "june")
    chunk = StoredChunk("ab", "application/json", 1, {}, ["a"], b"{}")
    RunStore(engine).put(run.id, "key", chunk, lambda _, frame: frame)
    job = at_hand(engine).queued()
    to_revision(engine, "0006")
    engine.dispose()

    again = open_database(store_url)
    (item,) = Items(again).after(Collections(again).get("cells").key)
    assert (item.id, item.metadata) == ("a", {"n": 1})
    key = Collections(again).get("cells").key
    assert list(Items(again).thumbnails(key, [item.number])) == [item.number]
    assert RunStore(again).get(run.id).rows == 1
    assert at_hand(again).jobs.get(job.id) == job
    with pytest.raises(sa.exc.IntegrityError), writing(again) as connection:
        connection.exec_driver_sql("INSERT INTO run_ids (run, id) VALUES ('nobody', 'x')")
    again.dispose()
