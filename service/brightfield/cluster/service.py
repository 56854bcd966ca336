"""The service as Ray's controller keeps it: deployed, looked at, ended."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, Literal

from brightfield.cluster.deployment import application_names, serve_config
from brightfield.settings import Settings

_FAILED = ("DEPLOY_FAILED", "UNHEALTHY")

ServiceState = tuple[Literal["starting", "running", "failed"], str]
"""Whether the service answers, and why not if it never will."""


class DeployedService:
    """The connection of this process to the cluster at an address."""

    def __init__(self, settings: Settings, address: str) -> None:
        # Ray reads its variables when it is imported, and they are set by now.
        import ray

        self._settings = settings
        self._address = address
        self._ray: Any = ray
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")

    def deploy(self, generation: int) -> None:
        """Have the replicas be what the settings say. Where the `generation` is another, those that
        run are replaced one after the other."""
        from ray import serve
        from ray.serve.context import _get_global_client
        from ray.serve.schema import ServeDeploySchema

        config = serve_config(self._settings, generation)
        serve.start(
            proxy_location=config["proxy_location"],
            http_options=config["http_options"],
            logging_config=config["logging_config"],
        )
        _get_global_client().deploy_apps(ServeDeploySchema.model_validate(config))

    def state(self) -> ServiceState:
        """That of all applications together: one that fails is told first."""
        from ray import serve

        known = serve.status().applications
        states = [_state(known.get(name)) for name in application_names(self._settings)]
        failed = [each for each in states if each[0] == "failed"]
        waiting = [each for each in states if each[0] == "starting"]
        return (failed or waiting or states)[0]

    def begin_stop(self, seconds: float) -> None:
        """Ask for the end of the replicas of this node, and of all others at the head."""
        if self._settings.cluster:
            self._leave(seconds)
        else:
            from ray.serve.context import _get_global_client

            _get_global_client()._controller.graceful_shutdown.remote(wait=False)

    def _leave(self, seconds: float) -> None:
        """Have the replicas of this node move to others: they start there before they end here."""
        node = self._ray.get_runtime_context().get_node_id()
        said = ["--reason", "DRAIN_NODE_REASON_PREEMPTION", "--reason-message", "it is stopped"]
        command = [
            *(sys.executable, "-m", "ray.scripts.scripts", "drain-node"),
            *("--address", self._address, "--node-id", node, *said),
            *("--deadline-remaining-seconds", f"{seconds:.0f}"),
        ]
        subprocess.run(command, check=False, capture_output=True, timeout=seconds)


def _state(application: Any) -> ServiceState:
    """Of one application; None if Ray doesn't know it yet."""
    if application is None:
        return "starting", ""
    if application.status == "RUNNING":
        return "running", ""
    if application.status in _FAILED:
        told = [each.message for each in application.deployments.values()]
        return "failed", "\n".join(filter(None, [application.message, *told]))
    return "starting", ""
