"""Whether the service lives and is ready."""

from __future__ import annotations

from dataclasses import dataclass

from brightfield_client.calls.call import Call
from brightfield_client.errors import ConnectionFailed, TimedOut
from brightfield_client.exchange import Policy, Steps


@dataclass(frozen=True)
class YesOrNo:
    """A yes-or-no question, for which a service that cannot be reached is a no."""

    path: str

    def steps(self, policy: Policy) -> Steps[bool]:
        every = frozenset(range(400, 600))
        asked = Call("GET", self.path, lambda reply: reply.status_code == 200, accept=every)
        try:
            return (yield from asked.steps(Policy(policy.timeout, 0, policy.clock, policy.chance)))
        except (ConnectionFailed, TimedOut):
            return False


def live() -> YesOrNo:
    """Whether the service's process answers."""
    return YesOrNo("/livez")


def ready() -> YesOrNo:
    """Whether the service takes requests: its default models are loaded and its device works."""
    return YesOrNo("/readyz")
