"""A key's limits as headers: RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers,
11)."""

from __future__ import annotations

from collections.abc import Sequence

from brightfield.access.allowance import Quota


def quota_headers(quotas: Sequence[Quota]) -> dict[str, str]:
    """What each limit is and what is left of it; nothing for a key without limits."""
    if not quotas:
        return {}
    return {
        "RateLimit-Policy": ", ".join(_policy(each) for each in quotas),
        "RateLimit": ", ".join(_left(each) for each in quotas),
    }


def _policy(quota: Quota) -> str:
    window = f";w={quota.window}" if quota.window is not None else ""
    return f'"{quota.name}";q={quota.quota}{window};qu="{quota.unit}"'


def _left(quota: Quota) -> str:
    reset = f";t={quota.reset}" if quota.reset is not None else ""
    return f'"{quota.name}";r={quota.left}{reset}'
