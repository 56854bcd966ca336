"""The heart of a replica: a thread that renews its lease, buries the dead and follows wishes.

A thread, not a task of the event loop, whose stalls shall cost no lease.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

from brightfield.api.cluster.residency import ModelResidency
from brightfield.store.channel import Channel
from brightfield.store.job_claims import JobClaims
from brightfield.store.replicas import Replica, Replicas

log = logging.getLogger(__name__)


class Heart:
    """Beats every `pause` seconds, and when something is wished."""

    def __init__(
        self,
        replicas: Replicas,
        claims: JobClaims,
        residency: ModelResidency,
        channel: Channel,
        pause: float,
    ) -> None:
        self._replicas = replicas
        self._claims = claims
        self._residency = residency
        self._pause = pause
        self._woken = threading.Event()
        self._stopped = False
        self._failed = False
        self._thread = threading.Thread(target=self._beat, name="lease", daemon=True)
        self._end = channel.hear("wishes", lambda _: self._woken.set())
        self.living: Sequence[Replica] = ()
        """The replicas that were alive at the last beat, the oldest first."""

    def start(self) -> None:
        """Beat once, which takes back what this machine's dead have left, and then on and on.

        Raises `StoreUnavailable`.
        """
        own = self._residency.now()
        self._replicas.renew(own)
        if [each.id for each in self._replicas.alive()] == [own.id]:
            self._residency.begin_alone()
        self.beat()
        self._thread.start()

    def beat(self) -> None:
        """Renew the lease, queue the jobs of the dead again, and follow wishes."""
        self._replicas.renew(self._residency.now())
        if count := self._claims.take_back():
            log.warning("%d jobs of replicas that have died are taken back", count)
        self._replicas.clear()
        self._residency.follow()
        self.living = self._replicas.alive()

    def stop(self, seconds: float) -> None:
        """Beat no more, and be known as gone."""
        self._end()
        self._stopped = True
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(seconds)
        self._replicas.leave(self._residency.now().id)

    def _beat(self) -> None:
        while True:
            self._woken.wait(self._pause)
            self._woken.clear()
            if self._stopped:
                return
            try:
                self.beat()
                self._failed = False
            except Exception as fault:  # whatever it is, the lease is to be renewed
                if not self._failed:
                    log.warning("the lease can't be renewed, this is tried again: %s", fault)
                self._failed = True
