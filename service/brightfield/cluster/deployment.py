"""What Ray Serve is told: the application, its deployment, and where HTTP is answered."""

from __future__ import annotations

from typing import Any

from brightfield.cluster.environment import GRACE
from brightfield.settings import Settings

APPLICATION = "brightfield"
"""The name of the application, and of its one deployment."""
IMPORT_PATH = "brightfield.cluster.replica:build"

_IDLE = 75  # seconds for which an idle connection is kept, as by the plain service
_SPARE = 10  # so many times the service's places are Ray's, so that only the service refuses
_LOOK_BACK = 10.0  # seconds over which Ray averages what replicas tell
_UP_AFTER = 5.0
_DOWN_AFTER = 60.0


def serve_config(settings: Settings, generation: int = 0) -> dict[str, Any]:
    """The configuration that `serve deploy` takes, as JSON.

    Replicas read their other settings from the environment of their node. Another `generation`
    replaces them one after the other; another number of replicas disturbs none.
    """
    return {
        "proxy_location": "EveryNode",
        "http_options": {
            "host": settings.host,
            "port": settings.port,
            "keep_alive_timeout_s": _IDLE,
        },
        "logging_config": {"enable_access_log": False},
        "applications": [
            {
                "name": APPLICATION,
                "route_prefix": "/",
                "import_path": IMPORT_PATH,
                "args": {"generation": generation},
                "deployments": [{"name": APPLICATION, **deployment_options(settings)}],
            }
        ],
    }


def deployment_options(settings: Settings) -> dict[str, Any]:
    """How the replicas are run.

    Ray admits far more than the service does, so the service's own 429 is what callers get, and its
    504: Ray's are plain text, with a time after which to come back that is always the same.
    """
    return {
        "max_ongoing_requests": _SPARE * settings.max_in_flight,
        "max_queued_requests": -1,
        "graceful_shutdown_wait_loop_s": 0.5,
        "graceful_shutdown_timeout_s": settings.timeout + GRACE,
        "health_check_period_s": 5.0,
        "health_check_timeout_s": 30.0,
        "ray_actor_options": {
            "num_cpus": settings.replica_cpus,
            "num_gpus": settings.replica_gpus,
        },
        **_count(settings),
    }


def _count(settings: Settings) -> dict[str, Any]:
    fewest, most = settings.replica_bounds
    if fewest == most:
        return {"num_replicas": fewest}
    policy = {
        "policy_function": "brightfield.cluster.scaling:BacklogPolicy",
        "policy_kwargs": {"target_wait": settings.target_wait},
    }
    return {
        "autoscaling_config": {
            "min_replicas": fewest,
            "max_replicas": most,
            "look_back_period_s": _LOOK_BACK,
            "upscale_delay_s": _UP_AFTER,
            "downscale_delay_s": _DOWN_AFTER,
            "policy": policy,
        }
    }
