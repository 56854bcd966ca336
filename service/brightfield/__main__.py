"""Starting the service: `brightfield serve`, or `python -m brightfield`."""

from __future__ import annotations

import gc
import socket
import sys

import uvicorn
from pydantic import ValidationError

from brightfield.api.app import create_app
from brightfield.api.http1 import Http1
from brightfield.api.logs import configure
from brightfield.errors import BrightfieldError
from brightfield.settings import Settings


class _Server(uvicorn.Server):
    """Says where the service is once its socket listens, so that what is said can be pasted."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        tune_interpreter()
        listening = [each for server in self.servers for each in server.sockets]
        if self.started and listening:
            host = self.config.host
            name = "127.0.0.1" if host in ("0.0.0.0", "::") else host
            print(greeting(f"http://{name}:{listening[0].getsockname()[1]}"), flush=True)


def tune_interpreter() -> None:
    """Set CPython up for a long-lived server with one busy thread per device.

    Modules and models live as long as the process, so the garbage collector need not look through
    them again and again. The lane lets go of the interpreter's lock at every operation of a
    forward pass, and should not wait the default 5 ms to get it back from a thread in mid-burst.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    sys.setswitchinterval(0.0002)


def greeting(address: str) -> str:
    """What a user sees at the start: where the documentation is, and a line to paste."""
    example = _example_image()
    return (
        f"\nBrightfield answers at {address}\n"
        f"  documentation  {address}/docs\n"
        f"  try it         curl -sS --data-binary @{example} '{address}/classify?top_k=3'\n"
    )


def _example_image() -> str:
    """A photograph that comes with scikit-learn, which the service needs anyway."""
    from importlib.resources import files

    return str(files("sklearn.datasets") / "images" / "china.jpg")


def serve(settings: Settings) -> None:
    """Run the service until it is interrupted.

    Raises `ValueError` or a `BrightfieldError` with one sentence where the settings are wrong.
    """
    configure(settings)
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=Http1,
        ws="none",
        limit_concurrency=settings.max_connections,
        proxy_headers=False,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=10,
    )
    _Server(config).run()


def main() -> int:
    try:
        serve(Settings())
    except ValidationError as fault:
        for error in fault.errors():
            print(f"{error['loc'][0]}: {error['msg']}", file=sys.stderr)
        return 2
    except (BrightfieldError, ValueError) as fault:
        print(fault, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
