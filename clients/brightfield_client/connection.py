"""What both clients are told at their making."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx2

from brightfield_client.exchange import Policy, shown

DEFAULT_URL = "http://127.0.0.1:8000"
TIMEOUT = 120.0


@dataclass(frozen=True)
class Connection:
    """Where the service is and how patient the client is with it."""

    url: str
    policy: Policy
    headers: Mapping[str, str] = field(repr=False)  # which have the API key

    @classmethod
    def to(
        cls,
        url: str | None,
        timeout: float,
        retries: int,
        headers: Mapping[str, str] | None,
        api_key: str | None = None,
    ) -> Connection:
        """Checked values; the URL is BRIGHTFIELD_URL or this machine if it is not given, and the
        API key BRIGHTFIELD_API_KEY.

        Raises `ValueError` naming what is wrong.
        """
        url = url or os.environ.get("BRIGHTFIELD_URL") or DEFAULT_URL
        try:
            parsed = httpx2.URL(url)
        except httpx2.InvalidURL as fault:
            raise ValueError(f"The service's URL is none: {fault}") from None
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise ValueError(
                f"{shown(url)!r} is not a service's URL; write for example {DEFAULT_URL}."
            )
        key = api_key or os.environ.get("BRIGHTFIELD_API_KEY")
        known = {"Authorization": f"Bearer {key.strip()}"} if key else {}
        return cls(url, Policy(timeout, retries), {**known, **(headers or {})})
