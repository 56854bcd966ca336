from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from brightfield.errors import Conflict, JobCancelled, JobNotFinished, ReplyTooLarge, UnknownJob
from brightfield.store import jobs as module
from brightfield.store import owner, tables
from brightfield.store.database import writing
from brightfield.store.jobs import Jobs, StoredJob, StoredReply
from brightfield.store.ownership import DEFAULT_PROJECT

from .conftest import Clock

REPLY = StoredReply(
    207, {"content-type": "application/json", "x-model": "nuclei"}, b'{"items": []}\x00'
)
PROBLEM = {"title": "Gone wrong", "status": 422, "code": "unfit_image", "detail": "Übel."}


@pytest.fixture
def jobs(engine: sa.Engine, clock: Clock) -> Jobs:
    return Jobs(engine, clock)


def running(jobs: Jobs) -> str:
    job = jobs.create("/saliency")
    assert jobs.start(job.id)
    return job.id


def test_a_job_from_its_creation_to_its_result(jobs: Jobs, clock: Clock) -> None:
    job = jobs.create("/occlusion")
    assert job == StoredJob(job.id, "/occlusion", "queued", 0, 0, 1_000_000.0, None, None)
    assert job.id.removeprefix("job_").isalnum()
    assert jobs.get(job.id) == job

    assert jobs.start(job.id)
    jobs.progress(job.id, 3, 8)
    at_work = jobs.get(job.id)
    assert (at_work.state, at_work.done, at_work.total) == ("running", 3, 8)
    with pytest.raises(JobNotFinished) as caught:
        jobs.result(job.id)
    assert (caught.value.status, caught.value.retryable) == (409, True)

    clock.now += 5
    done = jobs.finish(job.id, REPLY)
    assert done == StoredJob(
        job.id, "/occlusion", "succeeded", 3, 8, 1_000_000.0, 1_000_005.0, None
    )
    assert done.over
    assert jobs.result(job.id) == REPLY


def test_the_result_of_a_failed_job_is_its_problem(jobs: Jobs) -> None:
    job = jobs.create("/saliency")
    assert jobs.fail(job.id, PROBLEM).problem == PROBLEM
    result = jobs.result(job.id)
    assert (result.status, json.loads(result.body)) == (422, {"request_id": job.id, **PROBLEM})
    assert result.headers == {"content-type": "application/problem+json"}


ENDINGS: dict[str, Callable[[Jobs, str], object]] = {
    "finish": lambda jobs, id_: jobs.finish(id_, REPLY),
    "fail": lambda jobs, id_: jobs.fail(id_, PROBLEM),
    "cancel": lambda jobs, id_: jobs.cancel(id_),
    "start": lambda jobs, id_: jobs.start(id_),
    "progress": lambda jobs, id_: jobs.progress(id_, 9, 9),
    "recover": lambda jobs, id_: jobs.recover(),
}


@pytest.mark.slow
@pytest.mark.parametrize("later", ENDINGS)
@pytest.mark.parametrize("first", ["finish", "fail", "cancel"])
def test_what_is_over_stays_as_it_is(jobs: Jobs, clock: Clock, first: str, later: str) -> None:
    job_id = running(jobs)
    ENDINGS[first](jobs, job_id)
    before = jobs.get(job_id)
    clock.now += 10
    assert ENDINGS[later](jobs, job_id) in (before, False, None, 0)
    assert jobs.get(job_id) == before


def test_a_cancelled_job_has_no_result(jobs: Jobs) -> None:
    job_id = running(jobs)
    assert jobs.cancel(job_id).state == "cancelled"
    assert jobs.finish(job_id, REPLY).state == "cancelled"
    with pytest.raises(JobCancelled):
        jobs.result(job_id)


def test_of_two_workers_that_start_a_job_one_gets_it(jobs: Jobs) -> None:
    job = jobs.create("/saliency")
    won: list[bool] = []
    threads = [threading.Thread(target=lambda: won.append(jobs.start(job.id))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False, False, False, True]


def test_a_job_that_never_started_cannot_succeed(jobs: Jobs) -> None:
    job = jobs.create("/saliency")
    with pytest.raises(Conflict):
        jobs.finish(job.id, REPLY)
    assert jobs.get(job.id) == job


@pytest.mark.parametrize("call", [Jobs.get, Jobs.result, Jobs.start, Jobs.cancel])
def test_an_unknown_job_is_a_404(jobs: Jobs, call: Callable[[Jobs, str], object]) -> None:
    with pytest.raises(UnknownJob):
        call(jobs, "job_0")
    with pytest.raises(UnknownJob):
        jobs.finish("job_0", REPLY)


def test_progress_is_kept_in_memory_and_written_once_a_second(
    engine: sa.Engine, jobs: Jobs, clock: Clock
) -> None:
    job_id = running(jobs)
    statements: list[str] = []
    sa.event.listen(engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    for done in range(1000):
        clock.now += 0.0025
        jobs.progress(job_id, done, 1000)
    written = sum(statement.startswith("UPDATE") for statement in statements)
    assert written == 2
    assert jobs.get(job_id).done == 999
    assert 0 < Jobs(engine).get(job_id).done < 999  # as another process sees it
    jobs.cancel(job_id)
    assert Jobs(engine).get(job_id).done == 999


def test_a_result_too_large_for_the_store_is_refused(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MAX_BODY", 10)
    job_id = running(jobs)
    with pytest.raises(ReplyTooLarge):
        jobs.finish(job_id, REPLY)
    assert jobs.get(job_id).state == "running"


def test_after_a_restart_unfinished_jobs_have_failed_and_are_retryable(
    engine: sa.Engine, jobs: Jobs, clock: Clock
) -> None:
    queued, at_work, done = jobs.create("/saliency").id, running(jobs), running(jobs)
    jobs.finish(done, REPLY)
    later = Jobs(engine, clock)
    clock.now += 60
    assert later.recover() == 2
    for job_id in (queued, at_work):
        job = later.get(job_id)
        assert (job.state, job.finished) == ("failed", 1_000_060.0)
        assert job.problem is not None
        assert (job.problem["code"], job.problem["retryable"]) == ("interrupted", True)
        assert later.result(job_id).status == 503
    assert later.result(done) == REPLY
    assert later.recover() == 0


def test_a_restart_leaves_the_jobs_of_another_living_process(
    engine: sa.Engine, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = running(jobs)
    with writing(engine) as connection:
        connection.execute(sa.update(tables.jobs).values(owner="another"))
    ours = running(jobs)
    monkeypatch.setattr(owner, "is_another_living", lambda name: name == "another")
    assert jobs.recover() == 1
    assert (jobs.get(theirs).state, jobs.get(ours).state) == ("running", "failed")


def test_only_what_was_over_long_ago_expires(engine: sa.Engine, jobs: Jobs, clock: Clock) -> None:
    old, waiting = running(jobs), jobs.create("/saliency").id
    jobs.finish(old, REPLY)
    clock.now += 100
    recent = running(jobs)
    jobs.finish(recent, REPLY)
    clock.now += 50
    assert jobs.expire(100) == 1
    with pytest.raises(UnknownJob):
        jobs.get(old)
    assert jobs.result(recent) == REPLY
    assert jobs.get(waiting).state == "queued"
    with engine.connect() as connection:
        left = sa.select(sa.func.count()).select_from(tables.job_results)
        assert connection.execute(left).scalar_one() == 1


_WRITE_UNTIL_KILLED = """
import sys
from brightfield.store.database import open_database
from brightfield.store.jobs import Jobs, StoredReply
jobs = Jobs(open_database(sys.argv[1]))
while True:
    job = jobs.create("/saliency")
    jobs.start(job.id)
    jobs.finish(job.id, StoredReply(200, {}, job.id.encode() * 2000))
    print(job.id, flush=True)
"""


def test_kill_9_loses_nothing_that_was_acknowledged(store_url: str, engine: sa.Engine) -> None:
    command = [sys.executable, "-c", _WRITE_UNTIL_KILLED, store_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        acknowledged = [child.stdout.readline().strip() for _ in range(20)]
        os.kill(child.pid, signal.SIGKILL)
        acknowledged += child.stdout.read().split()
    jobs = Jobs(engine)
    for job_id in acknowledged:
        assert jobs.result(job_id).body == job_id.encode() * 2000
    assert jobs.recover() <= 1  # at most the one that it was at


def test_what_can_begin_again_is_queued_for_the_process_that_takes_over(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = Jobs(engine)
    monkeypatch.setattr(jobs, "_owner", "elsewhere/1@1.0")
    kept, lost, ended = (jobs.create("/occlusion").id for _ in range(3))
    for name in (kept, ended):
        jobs.start(name)
    jobs.progress(kept, 3, 9)
    jobs.cancel(ended)
    later = Jobs(engine)
    assert later.recover({kept, ended}) == 1
    assert [(project, job.id) for project, job in later.queued()] == [(DEFAULT_PROJECT, kept)]
    assert later.live() == {kept}
    assert (later.get(kept).state, later.get(kept).done) == ("queued", 0)
    assert (later.get(lost).state, later.get(ended).state) == ("failed", "cancelled")
    assert later.start(kept)
