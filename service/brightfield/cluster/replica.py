"""A replica: the whole app in a process of Ray Serve, which gives it its place in the cluster."""

from __future__ import annotations

import gc
import threading
from typing import Any

from brightfield.api.logs import configure
from brightfield.cluster.deployment import APPLICATION, deployment_options
from brightfield.cluster.hosted_app import HostedApp
from brightfield.serving.freed_memory import FreedMemory, trim_function
from brightfield.serving.interpreter import set_up_for_service
from brightfield.serving.worker import report_crashes, rest_of
from brightfield.settings import Settings


class ServedReplica:
    """What Ray Serve calls in the process of a replica; `build` makes a deployment of it."""

    def __init__(self, arguments: dict[str, Any]) -> None:
        self._settings = Settings(**arguments)
        self._place = arguments.get("place", "")

    async def __serve_build_asgi_app__(self) -> HostedApp:
        """The app, started: Ray takes an object that can be called, and no bound method."""
        configure(self._settings)
        self.hosted = HostedApp(self._settings, place=self._place)
        report_crashes(self.hosted.records.crash, self.hosted.records.flights)
        await self.hosted.open()
        set_up_for_service()
        memory = FreedMemory(trim_function() or gc.collect, rest_of(self.hosted.engine))
        threading.Thread(target=memory.run, name="freed-memory", daemon=True).start()
        return self.hosted

    async def check_health(self) -> None:
        """Raises where only another process can help; Ray replaces this one."""
        self.hosted.check()

    async def record_autoscaling_stats(self) -> dict[str, float]:
        """What `scaling` decides by."""
        return self.hosted.load()


def build(arguments: dict[str, Any]) -> Any:
    """The application of a configuration with `import_path: brightfield.cluster.replica:build`.

    Settings come from the environment of each node; `arguments` go before, by their names.
    """
    from ray import serve

    options = deployment_options(Settings(**arguments))
    deployment = serve.deployment(serve.ingress()(ServedReplica), name=APPLICATION, **options)
    return deployment.bind(arguments)
