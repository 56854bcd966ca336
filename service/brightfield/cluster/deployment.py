"""What Ray Serve is told: the applications, their deployments, and where HTTP is answered.

A pool is an application of its own: only the deployment at the entry of an application has ports
at which its replicas are asked themselves.
"""

from __future__ import annotations

from typing import Any

from brightfield.cluster.environment import GRACE
from brightfield.replica_pools import ReplicaPool, the_rest
from brightfield.settings import Settings

APPLICATION = "brightfield"
"""The name of the application, and of the one deployment of each."""
IMPORT_PATH = "brightfield.cluster.replica:build"

_IDLE = 75  # seconds for which an idle connection is kept, as by the plain service
_SPARE = 10  # so many times the service's places are Ray's, so that only the service refuses
_LOOK_BACK = 10.0  # seconds over which Ray averages what replicas tell
_UP_AFTER = 5.0
_DOWN_AFTER = 60.0


def serve_config(settings: Settings, generation: int = 0) -> dict[str, Any]:
    """The configuration that `serve deploy` takes, as JSON.

    Replicas read their other settings from the environment of their node. Another `generation`
    replaces them one after the other; another number of replicas disturbs none. Those of no pool
    answer at the service's address, and pass on what is a pool's.
    """
    pools = settings.replica_pools
    rest = {"serves": the_rest(pools)} if pools else {}
    return {
        "proxy_location": "EveryNode",
        "http_options": {
            "host": settings.host,
            "port": settings.port,
            "keep_alive_timeout_s": _IDLE,
        },
        "logging_config": {"enable_access_log": False},
        "applications": [
            _application(APPLICATION, "/", settings, {"generation": generation, **rest}),
            *(_pool(each, settings, generation) for each in pools),
        ],
    }


def application_names(settings: Settings) -> list[str]:
    """Those of all that is deployed."""
    return [APPLICATION, *(_pool_name(each) for each in settings.replica_pools)]


def _pool_name(pool: ReplicaPool) -> str:
    return f"{APPLICATION}-{pool.name}"


def _pool(pool: ReplicaPool, settings: Settings, generation: int) -> dict[str, Any]:
    given = {
        "serves": pool.models,
        "replicas": pool.replicas,
        "replica_cpus": pool.cpus or settings.replica_cpus,
    }
    own = settings.model_copy(update={**given, "replica_gpus": pool.gpus})
    place = f"/pools/{pool.name}"
    arguments = {"generation": generation, "place": place, **given}
    return _application(_pool_name(pool), place, own, arguments)


def _application(
    name: str, place: str, settings: Settings, arguments: dict[str, Any]
) -> dict[str, Any]:
    return {
        "name": name,
        "route_prefix": place,
        "import_path": IMPORT_PATH,
        "args": arguments,
        "deployments": [{"name": APPLICATION, **deployment_options(settings)}],
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
