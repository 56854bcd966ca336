"""How each server of the comparison is started, and how it is asked."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from handler import BATCH, WAIT_MS

HERE = Path(__file__).parent
HANDLERS = HERE / "handlers"
SERVICE = HERE.parent.parent / "service"
CARDS = {"imagenet-lite0": "imagenet-lite0", "resnet18": "resnet18-fitted"}
_BOUNDARY = "PeerImage"


@dataclass(frozen=True)
class Server:
    """A command that serves one network at a port of this machine, and the form of its requests.

    `body` makes a request of a JPEG file, `answer` reads the first label of a reply.
    """

    name: str
    command: Sequence[str]
    port: int
    path: str
    content_type: str = "image/jpeg"
    body: Callable[[bytes], bytes] = bytes
    answer: Callable[[Any], object] = lambda reply: reply["predictions"][0]["label"]
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path = HERE
    runs_handler: bool = True
    """Whether `handler.py` prepares and answers; Brightfield decodes in full and gives names."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.path}"


def servers(network: str, envs: Path, files: Path, work: Path) -> dict[str, Server]:
    """Every server by its name; `files` is the folder of `networks.py`, `work` an empty one."""
    made = [
        *_brightfields(network, files, work),
        *_peers(network, envs, files),
        _mlserver(network, envs, files, work),
        _torchserve(network, envs, files, work),
    ]
    return {server.name: server for server in made}


def _brightfields(network: str, files: Path, work: Path) -> list[Server]:
    base = {
        "PYTHONPATH": os.pathsep.join((str(SERVICE), str(SERVICE.parent / "clients"))),
        "BRIGHTFIELD_MODELS": str(files / "cards"),
        "BRIGHTFIELD_LOG_LEVEL": "warning",
        "BRIGHTFIELD_DEFAULT_MODELS": f"classify={CARDS[network]}",
    }
    command = (sys.executable, "-m", "brightfield", "serve", "--port", "8100")
    path = f"/classify?model={CARDS[network]}&top_k=5"
    ways = {"brightfield": {}, "brightfield-bf16": {"BRIGHTFIELD_PRECISION": "bf16"}}
    return [
        Server(
            name,
            (*command, "--data", str(files / "data" / name)),
            8100,
            path,
            answer=lambda reply: reply["result"]["predictions"][0]["label"],
            environment={**base, **way},
            folder=work,
            runs_handler=False,
        )
        for name, way in ways.items()
    ]


def _peers(network: str, envs: Path, files: Path) -> list[Server]:
    base = _environment(network, files)
    quiet = {**base, "BENTOML_DO_NOT_TRACK": "true", "RAY_USAGE_STATS_ENABLED": "0"}
    mosec = ("--port", "8102", "--address", "127.0.0.1", "--timeout", "60000")
    bentoml = ("serve", "bentoml_service:Decoding", "--host", "127.0.0.1", "--port", "8103")
    head = (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    ).encode()
    form = f"multipart/form-data; boundary={_BOUNDARY}"
    in_form: Callable[[bytes], bytes] = lambda data: (  # noqa: E731
        head + data + f"\r\n--{_BOUNDARY}--\r\n".encode()
    )
    run = lambda name: str(envs / name / "bin" / "python")  # noqa: E731
    return [
        Server(
            "mosec",
            (run("mosec"), str(HANDLERS / "mosec_server.py"), *mosec, "--log-level", "warning"),
            8102,
            "/inference",
            environment=base,
        ),
        Server(
            "litserve",
            (run("litserve"), str(HANDLERS / "litserve_server.py"), "8101"),
            8101,
            "/predict",
            form,
            in_form,
            environment=base,
        ),
        Server(
            "bentoml",
            (str(envs / "bentoml" / "bin" / "bentoml"), *bentoml),
            8103,
            "/predict",
            form,
            in_form,
            environment=quiet,
            folder=HANDLERS,
        ),
        Server(
            "ray",
            (run("ray"), str(HANDLERS / "ray_server.py"), "8107"),
            8107,
            "/",
            environment=quiet,
        ),
    ]


def _mlserver(network: str, envs: Path, files: Path, work: Path) -> Server:
    folder = work / "mlserver"
    folder.mkdir(parents=True, exist_ok=True)
    ports = {"http_port": 8104, "grpc_port": 8105, "metrics_port": 8106}
    settings = {"debug": False, "host": "127.0.0.1", "parallel_workers": 0, **ports}
    (folder / "settings.json").write_text(json.dumps(settings))
    model = {
        "name": "network",
        "implementation": "mlserver_runtime.Classifying",
        "max_batch_size": BATCH,
        "max_batch_time": WAIT_MS / 1000,
    }
    (folder / "model-settings.json").write_text(json.dumps(model))

    def body(data: bytes) -> bytes:
        image = {"name": "image", "shape": [1, 1], "datatype": "BYTES"}
        return json.dumps(
            {"inputs": [{**image, "data": [base64.b64encode(data).decode()]}]}
        ).encode()

    return Server(
        "mlserver",
        (str(envs / "mlserver" / "bin" / "mlserver"), "start", "."),
        8104,
        "/v2/models/network/infer",
        "application/json",
        body,
        lambda reply: json.loads(reply["outputs"][0]["data"][0])[0]["label"],
        _environment(network, files),
        folder,
    )


def _torchserve(network: str, envs: Path, files: Path, work: Path) -> Server:
    """Its archiver packs the handler when it is asked for by `archive`."""
    folder = work / "torchserve"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.properties").write_text(
        "inference_address=http://127.0.0.1:8108\nmanagement_address=http://127.0.0.1:8109\n"
        "metrics_address=http://127.0.0.1:8110\ndefault_workers_per_model=1\n"
        "disable_token_authorization=true\nenable_envvars_config=false\n"
    )
    command = (
        str(envs / "torchserve" / "bin" / "torchserve"), "--start", "--foreground", "--ncs",
        "--disable-token-auth", "--model-store", str(folder), "--models", "network=network.mar",
        "--ts-config", str(folder / "config.properties"),
    )  # fmt: skip
    return Server(
        "torchserve",
        command,
        8108,
        "/predictions/network",
        environment=_environment(network, files),
        folder=folder,
    )


def archive(server: Server, envs: Path) -> None:
    """Pack TorchServe's handler, with its batching."""
    config = server.folder / "model-config.yaml"
    config.write_text(
        f"minWorkers: 1\nmaxWorkers: 1\nbatchSize: {BATCH}\nmaxBatchDelay: {WAIT_MS}\n"
    )
    packer = envs / "torchserve" / "bin" / "torch-model-archiver"
    given = ("--model-name", "network", "--version", "1", "--handler")
    rest = ("--config-file", str(config), "--export-path", str(server.folder), "--force")
    handler = HANDLERS / "torchserve_handler.py"
    environment = {**os.environ, **server.environment}
    subprocess.run([str(packer), *given, str(handler), *rest], check=True, env=environment)


def _environment(network: str, files: Path) -> dict[str, str]:
    """Where the handlers, the network's classes and the network are."""
    return {
        "PEER_NETWORK": str(files / f"{network}.pt"),
        "PYTHONPATH": os.pathsep.join((str(HERE), str(HANDLERS), str(SERVICE))),
    }


def lacking(server: Server) -> str | None:
    """Why a server can't be started here."""
    if not Path(server.command[0]).exists():
        return f"{server.command[0]} isn't there: environments.py makes it"
    if server.name == "torchserve" and shutil.which("java") is None:
        return "Java isn't installed"
    return None


def versions(name: str, envs: Path) -> str:
    """The version of a peer's package, or PyTorch's for Brightfield."""
    if name.startswith("brightfield"):
        return f"torch {torch.__version__}"
    found = subprocess.run(
        [str(envs / name / "bin" / "python"), "-m", "pip", "list", "--format=freeze"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return next(line for line in found.splitlines() if line.startswith(f"{name}=="))
