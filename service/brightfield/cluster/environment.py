"""The variables of Ray that a node of the cluster is started with, each with its reason.

Ray reads most of them when it is imported, so they are set before that, and on every node, since a
process of Ray inherits the environment of its own node.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from pathlib import Path

from brightfield.serving.handover import ENVIRONMENT
from brightfield.settings import Settings

GRACE = 30.0
"""Seconds for which Ray waits longer than the service, so that the service's own answer comes."""

DRAINING = 10.0
"""Seconds for which a replica that is to end takes requests, until every balancer knows of it."""


@dataclass(frozen=True, slots=True)
class RayVariable:
    """A variable, what it is set to, and why it isn't left as it is."""

    name: str
    value: Callable[[Settings], str]
    why: str


def _always(value: str) -> Callable[[Settings], str]:
    return lambda settings: value


def _longest(settings: Settings) -> str:
    return f"{settings.timeout + GRACE:.0f}"


def _in_folder(name: str) -> Callable[[Settings], str]:
    return lambda settings: str(balancer_folder(settings) / name)


VARIABLES = (
    RayVariable(
        "RAY_SERVE_ENABLE_HA_PROXY", _always("1"),
        "Ray's own proxy is a second process in Python that every image passes.",
    ),
    RayVariable(
        "RAY_SERVE_THROUGHPUT_OPTIMIZED", _always("1"),
        "The app runs on the replica's one event loop, and not in a second one beside it.",
    ),
    RayVariable(
        "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH",
        _always("brightfield.cluster.doorway:middlewares"),
        "One X-Request-ID in each reply, and a replica that notices that it is to end.",
    ),
    RayVariable(
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S", _always(f"{DRAINING:.0f}"),
        "The balancer knows of an end within a second; the default of 30 s makes a stop slow.",
    ),
    RayVariable(
        "RAY_SERVE_HAPROXY_TIMEOUT_SERVER_S", _longest,
        "There is none by default, and clients of a machine that vanished wait for ever.",
    ),
    RayVariable(
        "RAY_SERVE_HAPROXY_TIMEOUT_CLIENT_S", _longest,
        "As that of the server; the default holds a silent connection for an hour.",
    ),
    RayVariable(
        "RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S", _longest,
        "A change of replicas starts HAProxy anew, and its former process cuts off what lasts "
        "longer.",
    ),
    RayVariable(
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC", _in_folder("haproxy.cfg"),
        "A folder of one's own: any user of the machine could rule the balancer by its socket.",
    ),
    RayVariable("RAY_SERVE_HAPROXY_SOCKET_PATH", _in_folder("admin.sock"), "The same."),
    RayVariable("RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH", _in_folder("metrics.sock"), "The same."),
    RayVariable("RAY_SERVE_HAPROXY_SERVER_STATE_BASE", _in_folder(""), "The same."),
    RayVariable("RAY_SERVE_HAPROXY_SERVER_STATE_FILE", _in_folder("server-state"), "The same."),
    RayVariable(
        "RAY_gcs_rpc_server_reconnect_timeout_s", _always("600"),
        "The other nodes end 60 s after the head by default; so it can come back (with Redis).",
    ),
    RayVariable(
        "RAY_worker_niceness", _always("0"),
        "Replicas run at 15 by default, and lose to every other program of the machine.",
    ),
    RayVariable(
        "RAY_memory_monitor_refresh_ms", _always("0"),
        "It kills by the memory of the whole machine, the controller first; models have a budget.",
    ),
    RayVariable(
        "RAY_AUTH_MODE", _always("token"),
        "Without a secret whoever reaches a port of Ray runs code here.",
    ),
    RayVariable(
        "RAY_USAGE_STATS_ENABLED", _always("0"),
        "Nothing at run time needs the network, or says anything to anybody.",
    ),
)  # fmt: skip

KEPT = {
    "RAY_AUTH_TOKEN": "The secret of the cluster: that of every node.",
    "RAY_REDIS_ADDRESS": "At the head: where its state survives it. Without, its end is the "
    "cluster's.",
}
"""What is only passed on, if it is set."""


def apply(settings: Settings, environment: MutableMapping[str, str] | None = None) -> None:
    """Set what isn't set already: what an operator has chosen holds. Also the settings that were
    given, which replicas on this machine read."""
    chosen = os.environ if environment is None else environment
    for variable in VARIABLES:
        chosen.setdefault(variable.name, variable.value(settings))
    for name, value in ENVIRONMENT.items():
        chosen.setdefault(name, value)
    chosen.update(as_variables(settings))


def as_variables(settings: Settings) -> dict[str, str]:
    """The settings that aren't left at their defaults, as BRIGHTFIELD_* variables."""
    given = settings.model_dump(mode="json", include=settings.model_fields_set, exclude_none=True)
    return {f"BRIGHTFIELD_{name.upper()}": _text(value) for name, value in given.items()}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def balancer_folder(settings: Settings) -> Path:
    """Where HAProxy of this user and port has its files; its path is short, as a socket's must
    be."""
    return Path(tempfile.gettempdir()) / f"brightfield-{os.getuid()}-{settings.port}"


def make_balancer_folder(settings: Settings) -> None:
    """Make the folder, for its user alone. Raises `ValueError` if it is somebody else's."""
    folder = balancer_folder(settings)
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise ValueError(f"{folder} belongs to another user; delete it, or set TMPDIR.")
    folder.chmod(0o700)
