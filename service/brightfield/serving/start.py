"""The service as a process that stays until it is stopped."""

from __future__ import annotations

from brightfield.api.logs import configure
from brightfield.serving.certificate import check_certificate
from brightfield.serving.supervisor import supervise
from brightfield.serving.worker_process import WorkerProcess
from brightfield.settings import Settings


def serve(settings: Settings, begun: WorkerProcess | None = None) -> int:
    """Run the service until it is asked to stop; the exit code. A worker may be `begun` already.

    Raises `ValueError` with one sentence where nobody can listen at the address, or the
    certificate can't be used.
    """
    configure(settings)
    check_certificate(settings)
    return supervise(settings, begun)
