"""Wake-ups between the processes of a store: a topic and a few words, never data.

A notice says that there is something to read; what it is stands in the tables. Notices may be
lost, with a connection or a process. So who waits for one looks now and then without it, and looks
when it hears `None`, which says that notices may have been missed.

On PostgreSQL notices are LISTEN and NOTIFY, and one connection of each process listens; on SQLite
they stay in the process, and another process on the same file is only looked for now and then.
"""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection, Engine

from brightfield.store.database import once_committed, relaxed

log = logging.getLogger(__name__)

Topic = Literal["queued", "news", "watched", "cancelled", "over", "wishes"]
"""`queued`: a job waits; `news`: a job has new events; `watched`: somebody listens to a job;
`cancelled`, `over`: a job was cancelled, has ended; `wishes`: which models shall be in memory."""

Notice = tuple[Topic, str]

Hear = Callable[[str | None], None]
"""Hears what a notice says, in whichever thread; None if notices may have been missed."""

_CHANNEL = "brightfield"
_LOOK = 0.5  # seconds between two looks at whether to end
_PAUSES = (0.05, 0.2, 1.0, 5.0)  # seconds before the next try to listen


class Channel(ABC):
    """Notices between processes. Every method may be called from any thread."""

    def __init__(self) -> None:
        self._hearers: dict[str, set[Hear]] = defaultdict(set)
        self._lock = threading.Lock()

    def hear(self, topic: Topic, hearer: Hear) -> Callable[[], None]:
        """Call `hearer` for each notice of a topic; what ends that."""
        with self._lock:
            self._hearers[topic].add(hearer)
        return partial(self._unhear, topic, hearer)

    @abstractmethod
    def post(self, connection: Connection, *notices: Notice) -> None:
        """Tell everybody, once the transaction that writes is committed."""

    @abstractmethod
    def tell(self, topic: Topic, words: str) -> None:
        """Tell everybody now. Raises `StoreUnavailable`."""

    @abstractmethod
    def close(self) -> None:
        """Hear no more."""

    def _unhear(self, topic: Topic, hearer: Hear) -> None:
        with self._lock:
            self._hearers[topic].discard(hearer)

    def _deliver(self, topic: str, words: str | None) -> None:
        with self._lock:
            hearers = tuple(self._hearers.get(topic, ()))
        for hearer in hearers:
            hearer(words)

    def _missed(self) -> None:
        with self._lock:
            topics = tuple(self._hearers)
        for topic in topics:
            self._deliver(topic, None)


class OwnChannel(Channel):
    """Notices within this process."""

    def post(self, connection: Connection, *notices: Notice) -> None:
        for topic, words in notices:
            once_committed(connection, partial(self._deliver, topic, words))

    def tell(self, topic: Topic, words: str) -> None:
        self._deliver(topic, words)

    def close(self) -> None:
        with self._lock:
            self._hearers.clear()


class ServerChannel(Channel):
    """Notices by a PostgreSQL server. One connection listens, and is made anew when it breaks."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self._engine = engine
        self.backend: int | None = None
        """The number of the server's process that sends the notices."""
        self._closed = threading.Event()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="notices", daemon=True)
        self._thread.start()
        self._listening.wait(_PAUSES[-1])

    def post(self, connection: Connection, *notices: Notice) -> None:
        if notices:
            texts = [f"{topic} {words}" for topic, words in notices]
            each = sa.func.unnest(sa.literal(texts, postgresql.ARRAY(sa.Text)))
            connection.execute(sa.select(sa.func.pg_notify(_CHANNEL, each)))

    def tell(self, topic: Topic, words: str) -> None:
        with relaxed(self._engine) as connection:
            self.post(connection, (topic, words))

    def close(self) -> None:
        self._closed.set()
        self._thread.join(4 * _LOOK)

    def _listen(self) -> None:
        failures = 0
        while not self._closed.is_set():
            try:
                self._hear_out()
                failures = 0
            except Exception as fault:  # whatever it is, notices must come again
                if self._closed.is_set():
                    return
                if self._listening.is_set():
                    failures = 0
                    self._listening.clear()
                if not failures:
                    log.warning("notices of the store are missed until it answers: %s", fault)
                self._closed.wait(_PAUSES[min(failures, len(_PAUSES) - 1)])
                failures += 1

    def _hear_out(self) -> None:
        """Listen until the connection breaks, which raises, or the end."""
        connection = _apart(self._engine)
        try:
            connection.execute(f"LISTEN {_CHANNEL}")
            self.backend = connection.info.backend_pid
            log.debug("notices come from the server's process %d", self.backend)
            self._listening.set()
            self._missed()
            while not self._closed.is_set():
                for notice in connection.notifies(timeout=_LOOK):
                    topic, _, words = notice.payload.partition(" ")
                    self._deliver(topic, words)
                    if self._closed.is_set():
                        return
        finally:
            with suppress(Exception):
                connection.close()


def open_channel(engine: Engine) -> Channel:
    """The channel of a store."""
    return ServerChannel(engine) if engine.dialect.name == "postgresql" else OwnChannel()


def _apart(engine: Engine) -> Any:
    """The driver's own connection, outside of the pool and of any transaction."""
    pooled = engine.raw_connection()
    connection: Any = pooled.driver_connection
    pooled.detach()
    connection.autocommit = True
    return connection
