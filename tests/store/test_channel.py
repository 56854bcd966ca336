"""Notices come when a transaction is committed, to every process; whoever missed some hears so."""

from __future__ import annotations

import queue
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from brightfield.store.channel import Channel, ServerChannel, open_channel
from brightfield.store.database import open_database, writing


@pytest.fixture
def channel(engine: sa.Engine) -> Iterator[Channel]:
    channel = open_channel(engine)
    yield channel
    channel.close()


def heard(channel: Channel) -> queue.SimpleQueue[str | None]:
    found: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    channel.hear("news", found.put)
    return found


def test_a_notice_comes_with_the_commit_and_not_without(
    engine: sa.Engine, channel: Channel
) -> None:
    news, seen = heard(channel), []
    with pytest.raises(ZeroDivisionError), writing(engine) as connection:
        channel.post(connection, ("news", "never"))
        raise ZeroDivisionError
    with writing(engine) as connection:
        channel.post(connection, ("over", "another topic"), ("news", "job_1"))
        seen.append(news.empty())
    channel.tell("news", "job_2 with words")
    assert [news.get(timeout=30) for _ in range(2)] == ["job_1", "job_2 with words"]
    assert seen == [True]


def test_who_hears_no_more_is_not_told(channel: Channel) -> None:
    first, second = heard(channel), heard(channel)
    channel.hear("over", first.put)()
    channel.tell("over", "x")
    channel.tell("news", "y")
    assert (first.get(timeout=30), second.get(timeout=30)) == ("y", "y")


def test_notices_cross_processes_and_a_killed_connection_is_made_anew(postgres_url: str) -> None:
    engines = [open_database(postgres_url) for _ in range(2)]
    ours, theirs = (open_channel(each) for each in engines)
    try:
        assert isinstance(theirs, ServerChannel)
        news = heard(theirs)
        ours.tell("news", "job_1")
        assert news.get(timeout=30) == "job_1"
        with engines[0].begin() as connection:
            connection.execute(sa.select(sa.func.pg_terminate_backend(theirs.backend)))
        assert news.get(timeout=30) is None  # some may have been missed
        ours.tell("news", "job_2")
        assert news.get(timeout=30) == "job_2"
    finally:
        ours.close()
        theirs.close()
        for engine in engines:
            engine.dispose()
