"""Whether the service lives and is ready."""

from __future__ import annotations

from dataclasses import dataclass

import httpx2

from brightfield_client.calls.call import Call
from brightfield_client.errors import ConnectionFailed, TimedOut
from brightfield_client.exchange import Policy, Steps


@dataclass(frozen=True)
class YesOrNo:
    """A yes-or-no question, for which a service that cannot be reached is a no."""

    path: str

    def steps(self, policy: Policy) -> Steps[bool]:
        asked = Call("GET", self.path, _is_ok, accept=frozenset(range(400, 600)))
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


def _is_ok(response: httpx2.Response) -> bool:
    return response.status_code == 200
