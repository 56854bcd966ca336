"""How many calls a request makes on the event loop's thread, and which take longest.

    python benchmarks/calls.py [--requests 400] [--most 40]

What a request costs the service beside its model is nearly all Python on that thread, and how much
of it there is can be counted on any machine, however busy: by cProfile, in the service itself, of
functions and builtins, per /classify with a model that does nothing, from one client. Seconds are
CPU time of the thread; a profiler makes small functions look larger than they are.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import pstats
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from load import Load, photographs, run
from overhead import environment

from brightfield.api.app import create_app
from brightfield.api.logs import configure
from brightfield.serving.server import Server
from brightfield.settings import Settings


def profiled(port: int, requests: int) -> pstats.Stats:
    """The profile of the event loop's thread, over so many requests."""
    settings = Settings(port=port, preload=False, backend="eager", host="127.0.0.1")
    configure(settings)
    server, profile = Server(create_app(settings), settings), cProfile.Profile(time.thread_time)
    server.says_where = False
    loop: list[asyncio.AbstractEventLoop] = []
    server.on_started = lambda: loop.append(asyncio.get_running_loop())
    url, bodies = f"http://127.0.0.1:{port}/classify?model=noop", photographs(sizes=((320, 240),))

    def drive() -> None:
        while not server.started:
            time.sleep(0.1)
        try:
            asyncio.run(run(url, bodies, Load(1, requests=50)))
            loop[0].call_soon_threadsafe(profile.enable)
            asyncio.run(run(url, bodies, Load(1, requests=requests)))
            loop[0].call_soon_threadsafe(profile.disable)
            time.sleep(0.2)
        finally:
            server.stop()

    threading.Thread(target=drive, daemon=True).start()
    server.run()
    return pstats.Stats(profile)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--requests", type=int, default=400, help="that are profiled (400)")
    parser.add_argument("--most", type=int, default=40, help="functions that are listed (40)")
    parser.add_argument("--port", type=int, default=8768)
    given = parser.parse_args()
    with environment():
        rows = profiled(given.port, given.requests).stats.items()  # type: ignore[attr-defined]
    each = [
        (own / given.requests, calls / given.requests, f"{Path(file).name}:{line} {name}")
        for (file, line, name), (_, calls, own, _, _) in rows
    ]
    print(f"{sum(calls for _, calls, _ in each):.0f} calls per request")
    for own, calls, name in sorted(each, reverse=True)[: given.most]:
        print(f"{1e6 * own:7.1f} us  {calls:6.2f} calls  {name}")
    print("by file, with the builtins that it calls:")
    for file, calls in by_file(dict(rows)).most_common(given.most):
        print(f"{calls / given.requests:6.1f} calls  {file}")


def by_file(profile: Mapping[tuple[str, int, str], Any]) -> Counter[str]:
    """Calls of the functions in each file and of the builtins that these call."""
    found: Counter[str] = Counter()
    for (file, _, _), (_, calls, _, _, callers) in profile.items():
        if file != "~":
            found[_short(file)] += calls
            continue
        for (caller, _, _), told in callers.items():
            found[_short(caller)] += told[1]
    return found


def _short(file: str) -> str:
    return "/".join(Path(file).parts[-3:])


if __name__ == "__main__":
    main()
