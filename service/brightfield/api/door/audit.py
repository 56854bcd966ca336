"""One line for every request that changes something, or was refused to: who, what, how it ended."""

from __future__ import annotations

import logging

from brightfield.access.visitor import Visitor
from brightfield.api.door.needs import GuardedRoute

log = logging.getLogger("brightfield.audit")

_CHANGING = frozenset({"PUT", "DELETE", "PATCH"})
_ACCEPTED = 202


def note(
    visitor: Visitor | None,
    route: GuardedRoute,
    method: str,
    path: str,
    status: int,
    job: str | None,
) -> None:
    """Write the line, if the request is of a kind that changes something.

    That is any that needs more than `read`, PUT and DELETE, and the start of a job.
    """
    changes = route.needs.scope not in ("read", "open") and method not in ("GET", "HEAD")
    if not (changes or method in _CHANGING or status == _ACCEPTED):
        return
    facts = {
        "key": visitor.key if visitor else None,
        "key_name": visitor.name if visitor else None,
        "project": visitor.project if visitor else None,
        "action": route.action,
        "method": method,
        "object": path,
        "status": status,
        "outcome": _outcome(status),
    }
    if job is not None:
        facts["job"] = job
    log.info("%s %s", route.action, facts["outcome"], extra=facts)


def _outcome(status: int) -> str:
    if status == _ACCEPTED:
        return "accepted"
    return "done" if status < 400 else "refused" if status < 500 else "failed"
