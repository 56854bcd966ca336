"""The settings: one class; each field is a BRIGHTFIELD_* variable and a flag of `serve`."""

from __future__ import annotations

import os
import re
import socket
from ipaddress import ip_address
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from brightfield.backend_names import BackendChoice, PrecisionChoice
from brightfield.replica_pools import ReplicaPool, bounds, read_pools
from brightfield.served_models import ServedModels

_UNITS = {
    "": 1,
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KIB": 2**10,
    "MIB": 2**20,
    "GIB": 2**30,
}
_BYTES = re.compile(r"\s*([\d.]+)\s*([KMG]i?B|B|)\s*", re.IGNORECASE)


def parse_bytes(text: str | int) -> int:
    """`"8GiB"`, `"500 MB"` or a plain number as a count of bytes."""
    if isinstance(text, int):
        return text
    match = _BYTES.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not an amount of bytes; write for example 8GiB or 500MB")
    return int(float(match[1]) * _UNITS[match[2].upper()])


def _default_data() -> Path:
    home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(home) / "brightfield"


class Settings(BaseSettings):
    """What can be set; sizes in bytes take units (`8GiB`), durations are seconds."""

    model_config = SettingsConfigDict(
        env_prefix="BRIGHTFIELD_",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        use_attribute_docstrings=True,
    )

    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 for all (then list the host names in allowed_hosts)."""
    port: int = Field(8000, ge=0, le=65535)
    """Port to listen on; 0 chooses a free one."""
    engine: Literal["uvicorn", "ray"] = "uvicorn"
    """What runs the service: uvicorn, one process on this machine, or ray, replicas on one machine
    or several (needs brightfield[ray])."""
    cluster: str = ""
    """With engine=ray: the cluster to join, as 10.0.0.1:6379; empty: start one here."""
    replicas: str = "1"
    """With engine=ray: how many processes answer, as 4, or 2:16 for between 2 and 16."""
    replica_cpus: float = Field(1.0, gt=0)
    """Cores that a replica counts for, and threads that it computes with unless threads says."""
    replica_gpus: int = Field(0, ge=0, le=1)
    """GPUs that a replica owns: 1, or 0 for none, which sees no GPU."""
    pools: str = ""
    """With engine=ray: further replicas for models that don't fit everywhere, as
    "large: sam-*,medsam replicas=1:2 gpus=1", with semicolons between several; the others load
    the rest."""
    target_wait: float = Field(0.5, gt=0)
    """Seconds of waiting work at each replica, with more of which there are more replicas."""
    address: str = ""
    """Host and port at which other machines reach this very process, for GET /cluster/targets and
    for requests that are passed on; empty: `host` (or this machine's name) and `port`."""
    allowed_hosts: str = "127.0.0.1,localhost,[::1]"
    """Host names by which the service may be called, comma-separated; * for any."""
    allowed_origins: str = ""
    """Origins of web pages that may call the service, comma-separated; its own may always."""
    require_keys: Literal["auto", "always", "never"] = "auto"
    """Whether requests need an API key: auto is as soon as the store has one."""
    tls_certificate: Path | None = None
    """File of the certificate (PEM, with its chain) for HTTPS; needs tls_key."""
    tls_key: Path | None = None
    """File of the certificate's private key (PEM)."""
    models: str = ""
    """Folders of model folders, added to the shipped models; separated as in PATH."""
    serves: str = ""
    """Models that this process loads, by id with commas, as nuclei,photo-*; !photo-* is all but
    these. Requests for others are passed on to processes that serve them. Empty: all."""
    data: Path = Field(default_factory=_default_data)
    """Folder of the store, the uploaded images and downloaded weights."""
    database_url: str = ""
    """SQLAlchemy URL of the store; empty: SQLite in the data folder."""
    database_connections: int = Field(5, ge=4)
    """Most connections to the store, one of which renews the lease; at least evaluations + 3. On
    PostgreSQL notices take one more."""
    device: str = "auto"
    """auto (every CUDA device, else the CPU), cpu, cuda:0, or several with commas."""
    backend: BackendChoice = "auto"
    """What runs models: eager (PyTorch as it is), openvino, cuda_graphs or inductor; auto: per
    model what its card says, else the fastest that is close enough, found while the model already
    serves."""
    precision: PrecisionChoice = "auto"
    """What models compute in: fp32, or bf16 or fp16 where the answers stay close enough; auto: what
    the card says, by default fp32."""
    memory_budget: int | None = None
    """Bytes for resident models per device; empty: 60 % of the device's memory."""
    max_pixels: int = Field(100_000_000, ge=1)
    """Most pixels of one image: width x height x planes that are read."""
    max_image_bytes: int = Field(2 * 2**30, ge=1)
    """Most bytes of one image while it is decoded and converted: width x height x channels x bytes
    of a value, and their copies."""
    decode_bytes: int = Field(4 * 2**30, ge=1)
    """Bytes for all images together that are decoded or in use; others wait for their turn."""
    max_bytes: int = Field(256 * 2**20, ge=1)
    """Most bytes of the body of one request."""
    max_in_flight: int = Field(256, ge=1)
    """Most images in flight, and as many explanations and evaluations; further ones get 429."""
    max_body_bytes_in_flight: int = Field(2 * 2**30, ge=1)
    """Most bytes of bodies in memory, and as many of jobs; requests beyond that get 429."""
    min_body_rate: float = Field(1024.0, gt=0)
    """Bytes per second that a body must come with, in the long run; a slower one gets 408."""
    body_grace: float = Field(10.0, gt=0)
    """Seconds that a body may be behind min_body_rate, so also the longest silence within it."""
    max_jobs: int = Field(1000, ge=1)
    """Most jobs that wait or run; further ones get 429."""
    jobs: int = Field(4, ge=1)
    """Most jobs of one endpoint that run at the same time; others wait."""
    max_connections: int = Field(512, ge=1)
    """Most open connections; a further one closes the one that is idle for longest, or gets 503."""
    max_reply_bytes: int = Field(64 * 2**20, ge=1)
    """Most bytes of one JSON reply; a larger one is refused with 413, naming a binary format."""
    threads: int = Field(0, ge=0)
    """Threads of a forward pass on the CPU and of decoding; 0: one per core, or OMP_NUM_THREADS."""
    explanations: int = Field(4, ge=1)
    """Most explanations that run at the same time; others wait."""
    evaluations: int = Field(2, ge=1)
    """Most evaluations of predictions that run at the same time; others wait."""
    default_models: str = ""
    """Default model per task, as task=model,task=model; empty: the shipped ones."""
    preload: bool = True
    """Load the default models at the start, before /readyz answers 200."""
    load_timeout: float = Field(120.0, gt=0)
    """Seconds after which the load of a model is given up, so others can be loaded."""
    trust_model_code: bool = False
    """Run Python code and pickles that come with model cards."""
    images: str = ""
    """Where uploaded images are kept: a folder that all processes of the service share, or
    `database`; empty: in the data folder."""
    image_ttl: float = Field(3600.0, gt=0)
    """Seconds for which PUT /images keeps an image after its last use."""
    image_cache_bytes: int = Field(4 * 2**30, ge=0)
    """Most bytes of uploaded images; the least recently used are deleted first."""
    view_cache_bytes: int = Field(256 * 2**20, ge=0)
    """Most bytes of decoded planes that GET /images/{id}/view keeps in memory; the least recently
    used are dropped first."""
    vector_cache_bytes: int = Field(2 * 2**30, ge=0)
    """Most bytes of collections' vectors in memory; the least recently used are dropped first."""
    job_ttl: float = Field(86_400.0, gt=0)
    """Seconds for which a finished job and its result are kept."""
    lease: float = Field(15.0, ge=1)
    """Seconds after which a process that doesn't renew its lease in the store counts as dead, and
    others take over its jobs."""
    run_ttl: float | None = Field(None, gt=0)
    """Seconds for which an evaluation run is kept after its last chunk; empty: until deleted."""
    timeout: float = Field(300.0, gt=0)
    """Seconds until a request is cancelled; X-Request-Timeout may ask for less. Jobs never are."""
    lane_timeout: float = Field(120.0, gt=0)
    """Seconds after which a batch is given up: its requests fail, a new thread serves the rest."""
    stop_timeout: float = Field(30.0, ge=5)
    """Seconds from the signal to stop to the end; requests that run have 60 % of them."""
    log_format: Literal["text", "json"] = "text"
    """Format of the log lines."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Lowest severity that is logged."""

    @field_validator(
        "memory_budget",
        "max_image_bytes",
        "decode_bytes",
        "max_bytes",
        "max_body_bytes_in_flight",
        "max_reply_bytes",
        "image_cache_bytes",
        "view_cache_bytes",
        "vector_cache_bytes",
        mode="before",
    )
    @classmethod
    def _bytes(cls, value: object) -> object:
        return parse_bytes(value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("HTTPS needs both tls_certificate and tls_key")
        return self

    @model_validator(mode="after")
    def _enough_connections(self) -> Self:
        """An evaluation keeps one while it reads, the build of an index two, a lease its own."""
        if self.database_connections < self.evaluations + 3:
            raise ValueError(
                f"database_connections={self.database_connections} is too few for evaluations="
                f"{self.evaluations}, which read by one each; set {self.evaluations + 3} or more"
            )
        return self

    @field_validator("replicas")
    @classmethod
    def _bounds(cls, value: str) -> str:
        bounds(value)
        return value

    @field_validator("pools")
    @classmethod
    def _pools(cls, value: str) -> str:
        read_pools(value)
        return value

    @field_validator("serves")
    @classmethod
    def _patterns(cls, value: str) -> str:
        ServedModels.read(value)
        return value

    @field_validator("default_models")
    @classmethod
    def _pairs(cls, value: str) -> str:
        for pair in filter(None, value.split(",")):
            if pair.count("=") != 1:
                raise ValueError(f"{pair!r} is not of the form task=model")
        return value

    @property
    def only_here(self) -> bool:
        """Whether nobody but this computer can reach the service."""
        host = self.host.strip("[]").lower()
        try:
            return host == "localhost" or ip_address(host).is_loopback
        except ValueError:  # a name, whose address may be anything
            return False

    @property
    def replica_bounds(self) -> tuple[int, int]:
        """The fewest and the most processes that answer."""
        return bounds(self.replicas)

    @property
    def replica_pools(self) -> tuple[ReplicaPool, ...]:
        """Those beside the replicas that load the rest."""
        return read_pools(self.pools)

    @property
    def reached_at(self) -> str:
        """Where this very process is reached; empty if the port isn't known beforehand."""
        if self.address or not self.port:
            return self.address
        everywhere = self.host.strip("[]") in ("0.0.0.0", "::")
        return f"{socket.gethostname() if everywhere else self.host}:{self.port}"

    @property
    def model_folders(self) -> tuple[Path, ...]:
        return tuple(Path(part).expanduser() for part in self.models.split(os.pathsep) if part)

    @property
    def models_by_task(self) -> dict[str, str]:
        pairs = (pair.split("=") for pair in self.default_models.split(",") if pair)
        return {task.strip(): model.strip() for task, model in pairs}

    @property
    def served(self) -> ServedModels:
        """The models that this process loads."""
        return ServedModels.read(self.serves)

    @property
    def image_folder(self) -> Path | None:
        """The folder of uploaded images; None where they are in the store."""
        if self.images == "database":
            return None
        return Path(self.images).expanduser() if self.images else self.data / "images"

    @property
    def store_url(self) -> str:
        return self.database_url or f"sqlite:///{self.data / 'brightfield.db'}"
