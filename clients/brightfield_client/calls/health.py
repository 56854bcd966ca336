"""Whether the service lives, is ready, and which version it has."""

from __future__ import annotations

from dataclasses import dataclass

import httpx2

from brightfield_client.calls.call import Call, read_json
from brightfield_client.errors import ConnectionFailed, TimedOut, UnexpectedReply
from brightfield_client.exchange import Policy, Steps


@dataclass(frozen=True)
class Probe:
    """A yes-or-no question, for which a service that cannot be reached is a no."""

    path: str

    def steps(self, policy: Policy) -> Steps[bool]:
        asked = Call("GET", self.path, _is_ok, accept=frozenset(range(400, 600)))
        try:
            return (yield from asked.steps(Policy(policy.timeout, 0, policy.clock, policy.chance)))
        except (ConnectionFailed, TimedOut):
            return False


def live() -> Probe:
    """Whether the service's process answers."""
    return Probe("/livez")


def ready() -> Probe:
    """Whether the service takes requests: its default models are loaded and its device works."""
    return Probe("/readyz")


def version() -> Call[str]:
    """The service's version."""
    return Call("GET", "/livez", _version)


def metrics_text() -> Call[str]:
    """The service's own counters, in Prometheus' text format."""
    return Call("GET", "/metrics", lambda response: response.text)


def _is_ok(response: httpx2.Response) -> bool:
    return response.status_code == 200


def _version(response: httpx2.Response) -> str:
    body = read_json(response)
    if not isinstance(body, dict) or "version" not in body:
        raise UnexpectedReply("The reply names no version; is this a Brightfield service?")
    return str(body["version"])
