"""What a browser may do with a reply, whoever opens it."""

from __future__ import annotations

from collections.abc import MutableSequence

from brightfield.api.wire.heads import Header

_POLICY = b"content-security-policy"

# A page or a drawing made of what callers wrote runs nothing and asks for nothing, whatever it
# holds; its own styles and pictures are within it. Only /docs needs more, and says so itself.
_STRICT: Header = (
    _POLICY,
    b"default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    b"form-action 'none'; frame-ancestors 'none'; sandbox",
)
_ALWAYS: tuple[Header, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
_ALONE: Header = (b"cross-origin-resource-policy", b"same-origin")
ADDED = frozenset(name for name, _ in (*_ALWAYS, _ALONE))
"""Names of the headers that each reply has, whatever it says itself."""


class SecurityHeaders:
    """Headers for every reply: it is what its Content-Type says, runs nothing, loads nothing, and
    is shown inside no other page.

    Pages of other origins may not load it either (`Cross-Origin-Resource-Policy`), unless some
    are allowed to call the service (`shared`).
    """

    def __init__(self, *, shared: bool) -> None:
        self._common = _ALWAYS if shared else (*_ALWAYS, _ALONE)

    def add_to(self, headers: MutableSequence[Header]) -> None:
        """Add them to a reply's; a policy of its own stays."""
        own = _POLICY in dict(headers)
        headers.extend(self._common)
        if not own:
            headers.append(_STRICT)
