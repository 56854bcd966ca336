"""`brightfield serve --engine ray`: start a cluster here or join one, and stay until the stop."""

from __future__ import annotations

import logging
import os
import queue
import signal
import sys
import time
from typing import Any

from brightfield.api.logs import configure
from brightfield.cluster import environment
from brightfield.cluster.checks import check_settings
from brightfield.cluster.node import RayNode, free_port
from brightfield.cluster.records import forget_records
from brightfield.cluster.secret import VARIABLE, take_secret
from brightfield.cluster.service import DeployedService
from brightfield.serving.greeting import greeting
from brightfield.settings import Settings

log = logging.getLogger(__name__)

_LOOK = 0.5  # seconds between two looks at whether Ray still runs
_STOPS = ("SIGINT", "SIGTERM", "SIGHUP")
_RENEWS = "SIGUSR1"


def serve(settings: Settings) -> int:
    """Run a node of the cluster until it is asked to stop; the exit code.

    Raises `ValueError` with one sentence where the settings don't go with Ray, or it doesn't start.
    """
    configure(settings)
    check_settings(settings)
    if not settings.port:
        settings = settings.model_copy(update={"port": free_port(20_000, settings.host)})
    forget_records(settings)
    secret = take_secret(settings, os.environ)
    environment.make_balancer_folder(settings)
    environment.apply(settings)
    return NodeKeeper(settings, secret).run()


class NodeKeeper:
    """Keeps this machine's part of the cluster: starts it, passes signals on, and ends it.

    The first machine deploys the service, and with SIGUSR1 replaces its replicas one after the
    other. A machine that joined lends its processors; what runs there moves away before it ends.
    """

    def __init__(self, settings: Settings, secret: str) -> None:
        self._settings = settings
        self._secret = secret
        self._node = RayNode(settings)
        self._signals: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._generation = 0

    def run(self) -> int:
        self._hear_signals()
        try:
            self._node.start()
            service = DeployedService(self._settings, self._node.address)
            self._hear_signals()  # Ray has put its own ends in their place
            if self._settings.cluster:
                print(f"\nThis machine is part of the cluster at {self._node.address}", flush=True)
            elif (code := self._deploy(service)) is not None:
                return code
            return self._stay(service)
        finally:
            self._node.stop(15.0)

    def _deploy(self, service: DeployedService) -> int | None:
        """Returns when the service answers; the exit code if it doesn't, or is to stop before."""
        service.deploy(self._generation)
        while True:
            state, reason = service.state()
            if state == "running":
                self._greet()
                return None
            if state == "failed":
                print(f"brightfield: {reason}", file=sys.stderr)
                return 2
            if self._node.ended:
                return self._died()
            if (number := self._heard()) is not None and number != _number(_RENEWS):
                return 0

    def _stay(self, service: DeployedService) -> int:
        while True:
            number = self._heard()
            if self._node.ended:
                return self._died()
            if number is None:
                continue
            if number != _number(_RENEWS):
                return self._stop(service)
            if not self._settings.cluster:
                self._generation = time.time_ns()
                service.deploy(self._generation)
                log.info("the replicas are replaced, one after the other")

    def _stop(self, service: DeployedService) -> int:
        """Let requests that run end, within the time that is set; a second signal ends all."""
        seconds = self._settings.stop_timeout
        log.info("stopping; requests and replicas have %.0f s", seconds)
        until = time.monotonic() + 0.9 * seconds
        service.begin_stop(seconds)
        while self._node.replicas and not self._node.ended and time.monotonic() < until:
            if (number := self._heard()) is not None:
                log.warning("a second signal: the service ends at once")
                return 128 + number
        return 0

    def _hear_signals(self) -> None:
        for name in (*_STOPS, _RENEWS):
            number = getattr(signal, name)
            if signal.getsignal(number) != signal.SIG_IGN:  # as by nohup
                signal.signal(number, lambda number, _: self._signals.put(number))

    def _heard(self) -> int | None:
        """A signal, if one comes within a moment."""
        try:
            return self._signals.get(timeout=_LOOK)
        except queue.Empty:
            return None

    def _died(self) -> int:
        log.error("Ray has ended on this machine: %s", self._node.last_words())
        return 1

    def _greet(self) -> None:
        host = "127.0.0.1" if self._settings.host in ("0.0.0.0", "::") else self._settings.host
        print(greeting(f"http://{host}:{self._settings.port}") + self._invitation(), flush=True)

    def _invitation(self) -> str:
        """How another machine joins."""
        if self._settings.only_here:
            return "  other machines can join if the first is started with --host 0.0.0.0\n"
        return (
            f"  join           {VARIABLE}={self._secret} brightfield serve --engine ray --cluster "
            f"{self._node.address} --host 0.0.0.0 ...\n"
        )


def _number(name: str) -> Any:
    return getattr(signal, name)
