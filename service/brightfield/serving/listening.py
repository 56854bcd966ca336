"""The sockets on which the service listens, held by the process that outlives its workers."""

from __future__ import annotations

import socket
import sys

BACKLOG = 2048
"""Connections that wait for a worker, as while one is being started."""


def listen(host: str, port: int) -> list[socket.socket]:
    """A listening socket for each address of the host; with port 0 all have the same free one.

    A connection is made by the system as soon as somebody listens, so none is refused while no
    worker is there. Raises `ValueError` with one sentence if an address cannot be used.
    """
    sockets: list[socket.socket] = []
    fault: OSError | None = None
    for family, address in _addresses(host, port):
        try:
            found = sockets[0].getsockname()[1] if sockets else port
            sockets.append(_listening(family, (address, found)))
        except OSError as problem:
            fault = problem
    if not sockets or (fault is not None and port and _in_use(fault)):
        for each in sockets:
            each.close()
        reason = fault.strerror if fault is not None else "it has no address"
        raise ValueError(
            f"Nobody can listen on {host}, port {port}: {reason}. Choose another port (--port), or "
            "stop what uses it."
        )
    return sockets


def _addresses(host: str, port: int) -> list[tuple[socket.AddressFamily, str]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as fault:
        raise ValueError(
            f"host: {host!r} is no address of this machine: {fault.strerror}."
        ) from None
    return list(dict.fromkeys((info[0], str(info[4][0])) for info in found))


def _listening(family: socket.AddressFamily, address: tuple[str, int]) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":  # there it would let two services share the port
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
        made.listen(BACKLOG)
    except OSError:
        made.close()
        raise
    return made


def _in_use(fault: OSError) -> bool:
    import errno

    return fault.errno in (errno.EADDRINUSE, errno.EACCES)
