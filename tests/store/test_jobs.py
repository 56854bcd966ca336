from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from brightfield.errors import JobCancelled, JobNotFinished, ReplyTooLarge, UnknownJob
from brightfield.store import job_claims as module
from brightfield.store import tables
from brightfield.store.job_claims import ClaimedJob
from brightfield.store.jobs import JobEvent, Jobs, StoredJob, StoredReply
from brightfield.store.ownership import DEFAULT_PROJECT

from .conftest import Clock
from .jobs_at_hand import REQUEST, JobsAtHand, at_hand, clock_of

REPLY = StoredReply(
    207, {"content-type": "application/json", "x-model": "nuclei"}, b'{"items": []}\x00'
)
PROBLEM = {"title": "Gone wrong", "status": 422, "code": "unfit_image", "detail": "Übel."}


@pytest.fixture
def here(engine: sa.Engine, clock: Clock) -> JobsAtHand:
    return at_hand(engine, clock_of(clock), clock)


@pytest.fixture
def there(engine: sa.Engine, clock: Clock, here: JobsAtHand) -> JobsAtHand:
    """Another replica of the store."""
    return at_hand(engine, clock_of(clock), clock)


def test_a_job_from_its_creation_to_its_result(here: JobsAtHand, clock: Clock) -> None:
    jobs, job = here.jobs, here.queued("/occlusion")
    assert job == StoredJob(job.id, "/occlusion", "queued", 0, 0, 1_000_000.0, None, None)
    assert job.id.removeprefix("job_").isalnum()
    assert jobs.get(job.id) == job

    claimed = here.claims.claim()
    assert claimed is not None
    assert (claimed.project, claimed.line, claimed.attempt) == (DEFAULT_PROJECT, "occlusion", 1)
    assert claimed.request == REQUEST
    assert here.claims.tell(claimed, 3, 8)
    at_work = jobs.get(job.id)
    assert (at_work.state, at_work.done, at_work.total) == ("running", 3, 8)
    with pytest.raises(JobNotFinished) as caught:
        jobs.result(job.id)
    assert (caught.value.status, caught.value.retryable) == (409, True)

    clock.now += 5
    assert here.claims.finish(claimed, REPLY, 8, 8)
    done = jobs.get(job.id)
    assert done == StoredJob(
        job.id, "/occlusion", "succeeded", 8, 8, 1_000_000.0, 1_000_005.0, None
    )
    assert done.over
    assert jobs.result(job.id) == REPLY


def test_the_result_of_a_failed_job_is_its_problem(here: JobsAtHand) -> None:
    claimed = here.running()
    assert here.claims.fail(claimed, PROBLEM)
    assert here.jobs.get(claimed.job.id).problem == PROBLEM
    result = here.jobs.result(claimed.job.id)
    assert (result.status, json.loads(result.body)) == (
        422, {"request_id": claimed.job.id, **PROBLEM},
    )  # fmt: skip
    assert result.headers == {"content-type": "application/problem+json"}


ENDINGS: dict[str, Callable[[JobsAtHand, ClaimedJob], object]] = {
    "finish": lambda here, claimed: here.claims.finish(claimed, REPLY, 1, 1),
    "fail": lambda here, claimed: here.claims.fail(claimed, PROBLEM),
    "cancel": lambda here, claimed: here.jobs.cancel(claimed.job.id),
    "tell": lambda here, claimed: here.claims.tell(claimed, 9, 9, [("progress", b"{}")]),
    "take back": lambda here, claimed: here.claims.take_back(),
    "hand back": lambda here, claimed: here.claims.hand_back(),
    "claim": lambda here, claimed: here.claims.claim(),
}


@pytest.mark.slow
@pytest.mark.parametrize("later", ENDINGS)
@pytest.mark.parametrize("first", ["finish", "fail", "cancel"])
def test_what_is_over_stays_as_it_is(
    here: JobsAtHand, clock: Clock, first: str, later: str
) -> None:
    claimed = here.running()
    ENDINGS[first](here, claimed)
    before = here.jobs.news(claimed.job.id, 0)
    clock.now += 10
    assert ENDINGS[later](here, claimed) in (before.job, False, None, 0)
    assert here.jobs.news(claimed.job.id, 0) == before


def test_a_cancelled_job_has_no_result(here: JobsAtHand) -> None:
    claimed = here.running()
    assert here.jobs.cancel(claimed.job.id).state == "cancelled"
    assert here.claims.lost([claimed]) == [claimed]
    assert not here.claims.finish(claimed, REPLY, 1, 1)
    with pytest.raises(JobCancelled):
        here.jobs.result(claimed.job.id)


def test_of_replicas_that_claim_at_once_each_gets_another(
    here: JobsAtHand, there: JobsAtHand
) -> None:
    expected = {here.queued().id for _ in range(4)}
    won: list[ClaimedJob | None] = []
    threads = [
        threading.Thread(target=lambda each=each: won.append(each.claims.claim()))
        for each in (here, there) * 3
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won += [here.claims.claim() for _ in range(4)]  # one may have found another's in its way
    assert sorted(each.job.id for each in won if each is not None) == sorted(expected)


def test_a_full_line_waits_and_keeps_no_other_waiting(here: JobsAtHand, clock: Clock) -> None:
    first = here.queued("/collections/a/items")
    clock.now += 1
    second = here.queued("/collections/b/items")
    clock.now += 1
    third = here.queued("/saliency")
    claimed = [here.claims.claim(["items"]), here.claims.claim(["items"])]
    claimed += [here.claims.claim(["saliency"]), here.claims.claim()]
    assert [each and each.job.id for each in claimed] == [third.id, None, first.id, second.id]


def test_a_job_waits_for_who_serves_all_its_models(here: JobsAtHand, there: JobsAtHand) -> None:
    here.unserved.append("cells")
    there.unserved.append("nuclei")
    both = here.queued("/occlusion", "cells", "nuclei", "nuclei")
    cells, nuclei = here.queued("/detect", "cells"), here.queued("/segment", "nuclei")
    claimed = [each.claims.claim() for each in (here, there, here, there)]
    assert [each and each.job.id for each in claimed] == [nuclei.id, cells.id, None, None]
    here.unserved.clear()
    again = here.claims.claim()
    assert again is not None and again.job.id == both.id


@pytest.mark.parametrize("call", [Jobs.get, Jobs.result, Jobs.cancel])
def test_an_unknown_job_is_a_404(here: JobsAtHand, call: Callable[[Jobs, str], object]) -> None:
    with pytest.raises(UnknownJob):
        call(here.jobs, "job_0")
    with pytest.raises(UnknownJob):
        here.jobs.news("job_0", 0)


def test_events_are_numbered_and_end_with_the_job(here: JobsAtHand, there: JobsAtHand) -> None:
    claimed = here.running()
    job_id = claimed.job.id
    assert here.claims.tell(claimed, 1, 3, [("progress", b"1"), ("partial", b"x")])
    assert here.claims.finish(claimed, REPLY, 3, 3, [("progress", b"3")])
    news = there.jobs.news(job_id, 0)
    expected = [(1, "progress", b"1"), (2, "partial", b"x"), (3, "progress", b"3")]
    assert [(each.number, each.kind, each.data) for each in news.events] == expected
    assert (news.told, news.job.state) == (4, "succeeded")  # the end is the fourth
    assert there.jobs.news(job_id, 2).events == [JobEvent(3, "progress", b"3")]
    assert there.jobs.news(job_id, 4).events == []
    assert len(there.jobs.news(job_id, 5).events) == 3  # of numbers that were lost


def test_events_of_a_second_attempt_are_numbered_on(here: JobsAtHand, there: JobsAtHand) -> None:
    first = here.running()
    here.claims.tell(first, 1, 3, [("progress", b"1")])
    assert here.claims.hand_back() == 1
    second = there.claims.claim()
    assert second is not None and second.attempt == 1  # as if it had never begun
    assert not here.claims.tell(first, 2, 3, [("progress", b"2")])
    there.claims.tell(second, 1, 3, [("progress", b"1")])
    assert [each.number for each in here.jobs.news(first.job.id, 0).events] == [1, 2]


def test_the_events_of_a_long_job_are_not_kept_for_ever(
    here: JobsAtHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_KEPT_EVENTS", 20)
    monkeypatch.setattr(module, "_CLEARED", 10)
    claimed = here.running()
    for done in range(25):
        here.claims.tell(claimed, done, 99, [("progress", b""), ("partial", b"")])
    kept = here.jobs.news(claimed.job.id, 0).events
    assert 20 <= len(kept) < 30 and kept[-1].number == 50


def test_a_result_too_large_for_the_store_is_refused(
    here: JobsAtHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MAX_BODY", 10)
    claimed = here.running()
    with pytest.raises(ReplyTooLarge):
        here.claims.finish(claimed, REPLY, 1, 1)
    assert here.jobs.get(claimed.job.id).state == "running"


def test_jobs_of_a_dead_replica_are_begun_again_by_another(
    here: JobsAtHand, there: JobsAtHand, clock: Clock
) -> None:
    theirs = there.running()
    ours = here.running()
    there.claims.tell(theirs, 2, 3)
    assert here.claims.take_back() == 0  # both are alive
    clock.now += 16
    here.beat()
    assert here.claims.take_back() == 1
    waits = here.jobs.get(theirs.job.id)
    assert (waits.state, waits.done, waits.total) == ("queued", 0, 0)
    assert here.claims.lost([ours]) == []
    again = here.claims.claim()
    assert again is not None and (again.job.id, again.attempt) == (theirs.job.id, 2)
    # It was only slow, and knows nothing of that.
    assert there.claims.lost([theirs]) == [theirs]
    assert not there.claims.tell(theirs, 3, 3, [("progress", b"")])
    assert not there.claims.finish(theirs, StoredReply(200, {}, b"late"), 3, 3)
    assert not there.claims.fail(theirs, PROBLEM)
    assert not there.claims.cancel(theirs)
    assert here.claims.finish(again, REPLY, 3, 3)
    assert here.jobs.result(theirs.job.id) == REPLY


def test_what_ends_the_process_each_time_is_not_begun_for_ever(
    here: JobsAtHand, clock: Clock
) -> None:
    job_id = here.queued().id
    for attempt in (1, 2, 3):
        claimed = here.claims.claim()
        assert claimed is not None and claimed.attempt == attempt
        clock.now += 16
        assert here.claims.take_back() == 1
        here.beat()
    job = here.jobs.get(job_id)
    assert (job.state, job.finished) == ("failed", clock.now)
    assert job.problem is not None
    assert (job.problem["code"], job.problem["retryable"]) == ("interrupted", True)
    assert here.jobs.result(job_id).status == 503
    assert here.claims.claim() is None


def test_a_job_of_an_earlier_version_has_failed_and_says_so(
    here: JobsAtHand, engine: sa.Engine
) -> None:
    job_ids = [here.running().job.id, here.queued().id]
    with engine.begin() as connection:
        connection.execute(sa.delete(tables.job_requests))
        connection.execute(sa.update(tables.jobs).values(owner="host/1@2.0", attempts=0))
    assert here.claims.claim() is None
    assert here.claims.take_back() == 2
    for job_id in job_ids:
        assert (here.jobs.get(job_id).problem or {})["code"] == "interrupted"


def test_a_request_is_kept_no_longer_than_its_job(here: JobsAtHand, engine: sa.Engine) -> None:
    def kept() -> int:
        with engine.connect() as connection:
            count = sa.select(sa.func.count()).select_from(tables.job_requests)
            return int(connection.execute(count).scalar_one())

    claimed = here.running()
    assert kept() == 1
    here.claims.finish(claimed, REPLY, 1, 1)
    here.jobs.cancel(here.queued().id)
    here.claims.fail(here.running(), PROBLEM)
    assert kept() == 0


def test_only_what_was_over_long_ago_expires(
    engine: sa.Engine, here: JobsAtHand, clock: Clock
) -> None:
    old = here.running()
    here.claims.tell(old, 1, 2, [("progress", b"")])
    here.claims.finish(old, REPLY, 1, 1)
    clock.now += 100
    recent = here.ended(REPLY)
    waiting = here.queued().id
    clock.now += 50
    assert here.jobs.over([old.job.id, recent, waiting]) == {old.job.id, recent}
    assert here.jobs.expire(100) == 1
    with pytest.raises(UnknownJob):
        here.jobs.get(old.job.id)
    assert here.jobs.result(recent) == REPLY
    assert here.jobs.get(waiting).state == "queued"
    with engine.connect() as connection:
        for table, left in ((tables.job_results, 1), (tables.job_events, 0)):
            count = sa.select(sa.func.count()).select_from(table)
            assert connection.execute(count).scalar_one() == left


_WRITE_UNTIL_KILLED = """
import sys
sys.path.insert(0, sys.argv[2])
from jobs_at_hand import at_hand
from brightfield.store.database import open_database
from brightfield.store.jobs import StoredReply
here = at_hand(open_database(sys.argv[1]))
while True:
    claimed = here.running()
    body = claimed.job.id.encode() * 2000
    here.claims.finish(claimed, StoredReply(200, {}, body), 1, 1)
    print(claimed.job.id, flush=True)
"""


def test_kill_9_loses_nothing_that_was_acknowledged(store_url: str, engine: sa.Engine) -> None:
    command = [sys.executable, "-c", _WRITE_UNTIL_KILLED, store_url, str(Path(__file__).parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        acknowledged = [child.stdout.readline().strip() for _ in range(20)]
        os.kill(child.pid, signal.SIGKILL)
        acknowledged += child.stdout.read().split()
    here = at_hand(engine)
    for job_id in acknowledged:
        assert here.jobs.result(job_id).body == job_id.encode() * 2000
    # At most the one that it was at, which begins again at once: its process is of this place.
    assert here.claims.take_back() <= 1
    again = here.claims.claim()
    assert again is None or again.job.id not in acknowledged
