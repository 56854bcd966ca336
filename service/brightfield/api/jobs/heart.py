"""The heart of a replica: a thread that renews its lease, and buries the dead.

A thread, not a task of the event loop, whose stalls shall cost no lease.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from brightfield.store.job_claims import JobClaims
from brightfield.store.replicas import Replica, Replicas

log = logging.getLogger(__name__)


class Heart:
    """Beats every `pause` seconds; `now` is what the replica says of itself."""

    def __init__(
        self, replicas: Replicas, claims: JobClaims, now: Callable[[], Replica], pause: float
    ) -> None:
        self._replicas = replicas
        self._claims = claims
        self._now = now
        self._pause = pause
        self._stopped = threading.Event()
        self._failed = False
        self._thread = threading.Thread(target=self._beat, name="lease", daemon=True)

    def start(self) -> None:
        """Beat once, which takes back what this machine's dead have left, and then on and on.

        Raises `StoreUnavailable`.
        """
        self.beat()
        self._thread.start()

    def beat(self) -> None:
        """Renew the lease, and queue the jobs of the dead again."""
        self._replicas.renew(self._now())
        if count := self._claims.take_back():
            log.warning("%d jobs of replicas that have died are taken back", count)
        self._replicas.clear()

    def stop(self, seconds: float) -> None:
        """Beat no more, and be known as gone."""
        self._stopped.set()
        self._thread.join(seconds)
        self._replicas.leave(self._now().id)

    def _beat(self) -> None:
        while not self._stopped.wait(self._pause):
            try:
                self.beat()
                self._failed = False
            except Exception as fault:  # whatever it is, the lease is to be renewed
                if not self._failed:
                    log.warning("the lease can't be renewed, this is tried again: %s", fault)
                self._failed = True
