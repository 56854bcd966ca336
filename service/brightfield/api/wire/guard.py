"""Which hosts the service answers to, and the pages of which origins may ask it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from starlette.types import Scope

from brightfield.errors import BrightfieldError, Forbidden
from brightfield.refusals import BadHost
from brightfield.settings import Settings

# A name, an IPv4 or a bracketed IPv6 address, and a port.
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]*)(?::[0-9]{0,5})?")
_SHOWN = 100

PROBES = frozenset({"/livez", "/readyz", "/metrics"})
"""Asked by address, from outside, of a service that cannot know under which one; they say nothing
that a foreign page could use, and only reading them is free of the Host's name."""


@dataclass(frozen=True, slots=True)
class _Named:
    """What a request says of where it goes and where it comes from."""

    hosts: list[str]
    origins: list[str]

    @classmethod
    def of(cls, scope: Scope) -> _Named:
        hosts, origins = [], []
        for name, value in scope["headers"]:
            if name == b"host":
                hosts.append(value.decode("latin-1").strip().lower())
            elif name == b"origin":
                origins.append(value.decode("latin-1").strip().lower())
        return cls(hosts, origins)


class Guard:
    """Refuses requests that a web page of another origin makes the browser send.

    A page cannot forge the Host header, so a name that is rebound to loopback shows there; and a
    browser names the page's Origin on every POST.
    """

    def __init__(self, settings: Settings) -> None:
        self._hosts = _listed(settings.allowed_hosts)
        self._origins = _listed(settings.allowed_origins)
        if settings.host not in ("0.0.0.0", "::"):
            host = settings.host.lower()
            self._hosts.add(f"[{host}]" if ":" in host else host)

    def refusal(self, scope: Scope) -> BrightfieldError | None:
        """Why the request isn't answered; None: it is.

        `BadHost` for a Host header that RFC 9112, 3.2, has refused with 400 (none, several, or one
        that isn't a host), `Forbidden` for a foreign host or origin.
        """
        named = _Named.of(scope)
        if len(named.hosts) > 1:
            return BadHost("The request has several Host headers; send one.")
        if not named.hosts and scope.get("http_version") != "1.0":
            return BadHost("The request has no Host header; send the name of the service in one.")
        host = named.hosts[0] if named.hosts else ""
        parts = _HOST.fullmatch(host)
        if parts is None:
            return BadHost(f"{_short(host)} isn't a host; send `Host: name` or `Host: name:port`.")
        # Browsers name the host; a client of HTTP/1.0 that names none is no page.
        known = not named.hosts or "*" in self._hosts or parts[1] in self._hosts
        if not known and not _is_probe(scope):
            return Forbidden(
                f"The host {_short(host)} is not known to the service; add its name to "
                "allowed_hosts (BRIGHTFIELD_ALLOWED_HOSTS)."
            )
        own = host if known else ""
        for origin in named.origins:
            if not self._may_call(origin, own):
                return _foreign(origin)
        return None

    def _may_call(self, origin: str, own: str) -> bool:
        if origin in self._origins or "*" in self._origins:
            return True
        scheme, _, authority = origin.partition("://")
        return scheme in ("http", "https") and bool(own) and authority == own


def _listed(names: str) -> set[str]:
    return {name.strip().lower() for name in names.split(",") if name.strip()}


def _is_probe(scope: Scope) -> bool:
    return scope["method"] in ("GET", "HEAD") and scope["path"] in PROBES


def _foreign(origin: str) -> Forbidden:
    return Forbidden(
        f"Pages of {_short(origin)} may not call the service; add the origin to allowed_origins "
        "(BRIGHTFIELD_ALLOWED_ORIGINS) if they shall."
    )


def _short(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")
