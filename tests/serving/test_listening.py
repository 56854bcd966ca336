from __future__ import annotations

import socket

import pytest

from brightfield.serving.listening import listen


def test_connections_wait_for_a_worker() -> None:
    (listener,) = listen("127.0.0.1", 0)
    with listener, socket.create_connection(listener.getsockname(), timeout=1) as caller:
        caller.sendall(b"hello")
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.recv(5) == b"hello"


def test_all_addresses_of_a_name_have_the_same_port() -> None:
    listeners = listen("localhost", 0)
    assert len({each.getsockname()[1] for each in listeners}) == 1
    for each in listeners:
        each.close()


def test_what_cannot_be_listened_on_is_said_in_one_sentence() -> None:
    (listener,) = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    with listener, pytest.raises(ValueError, match=rf"port {port}: Address already in use.*--port"):
        listen("127.0.0.1", port)
    with pytest.raises(ValueError, match="no address of this machine"):
        listen("nowhere.invalid", 0)
