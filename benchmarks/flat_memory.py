"""Memory of a service whose garbage collector is off, over many large images.

python -m benchmarks.flat_memory [MEGAPIXELS] [REQUESTS]

Answered and refused images take turns, by HTTP. Prints the resident memory (MB) of the service
before, and after each tenth of the requests: without cycles it stays as it is.
"""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import numpy as np
import psutil
import tifffile
from PIL import Image

_SERVER = """
import gc
gc.disable()
import uvicorn
from brightfield.api.app import create_app
from brightfield.api.http1 import Http1
uvicorn.run(create_app(), port=PORT, http=Http1, log_level="warning")
"""


def main(megapixels: float, requests: int) -> None:
    side = int((megapixels * 1e6) ** 0.5)
    buffer, unfit = io.BytesIO(), io.BytesIO()
    Image.new("RGB", (side, side), "teal").save(buffer, "PNG")
    planes = np.zeros((5, side // 2, side // 2), np.uint16)
    tifffile.imwrite(unfit, planes, metadata={"axes": "CYX"})
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "BRIGHTFIELD_DATA": tempfile.mkdtemp(),
        "BRIGHTFIELD_PRELOAD": "false",
        "BRIGHTFIELD_THREADS": "1",
        "MALLOC_ARENA_MAX": "1",
    }
    code = _SERVER.replace("PORT", str(port))
    server = subprocess.Popen([sys.executable, "-c", code], env=environment)
    try:
        _watch(server.pid, port, (buffer.getvalue(), unfit.getvalue()), requests)
    finally:
        server.kill()
        server.wait()


def _watch(process: int, port: int, images: tuple[bytes, bytes], requests: int) -> None:
    address = f"http://127.0.0.1:{port}/classify"
    _until_up(address)
    for number in range(4):  # the model and the allocator settle
        _ask(address, images[number % 2])
    memory = psutil.Process(process).memory_info
    print(f"begin {memory().rss / 1e6:.0f}")
    for number in range(1, requests + 1):
        status = _ask(address, images[number % 2])
        if number % max(1, requests // 10) == 0:
            print(f"{number:5d} (status {status}) {memory().rss / 1e6:.0f}", flush=True)


def _until_up(address: str) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(address.replace("classify", "livez"))
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise SystemExit("the service did not start")


def _ask(address: str, image: bytes) -> int:
    try:
        with urllib.request.urlopen(address, data=image) as reply:
            reply.read()
            return int(reply.status)
    except urllib.error.HTTPError as fault:
        fault.read()
        return fault.code


if __name__ == "__main__":
    arguments = dict(enumerate(sys.argv[1:]))
    main(float(arguments.get(0, 16)), int(arguments.get(1, 20)))
