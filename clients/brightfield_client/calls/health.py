"""Whether the service lives and is ready."""

from __future__ import annotations

from dataclasses import dataclass, replace
from operator import attrgetter

from brightfield_client.calls.call import Call
from brightfield_client.errors import ConnectionFailed, TimedOut
from brightfield_client.exchange import Policy, Steps


@dataclass(frozen=True)
class YesOrNo:
    """A yes-or-no question, for which a service that cannot be reached is a no."""

    path: str
    timeout: float | None

    def steps(self, policy: Policy) -> Steps[bool]:
        every = frozenset(range(400, 600))
        read = attrgetter("is_success")
        asked = Call[bool]("GET", self.path, read, accept=every, timeout=self.timeout)
        try:
            return (yield from asked.steps(replace(policy, retries=0)))
        except (ConnectionFailed, TimedOut):
            return False


def live(*, timeout: float | None = None) -> YesOrNo:
    """Whether the service's process answers."""
    return YesOrNo("/livez", timeout)


def ready(*, timeout: float | None = None) -> YesOrNo:
    """Whether the service takes requests: its default models are loaded and its device works."""
    return YesOrNo("/readyz", timeout)
