"""Names of headers as they are on the wire."""

from __future__ import annotations

_MOST = 512


class _WireNames(dict[str, bytes]):
    """Each name in lower case and encoded, remembered: those that the service looks for or writes
    are few, and are asked for at every request."""

    def __missing__(self, name: str) -> bytes:
        encoded = name.lower().encode("latin-1")
        if len(self) < _MOST:
            self[name] = encoded
        return encoded


WIRE_NAMES = _WireNames()
