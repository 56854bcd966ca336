"""What the handlers of one app share."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from brightfield.access.keyring import Keyring
from brightfield.api.admission.admission import Admission
from brightfield.api.jobs import JobRunner
from brightfield.collections.services import CollectionWork
from brightfield.engine import Engine
from brightfield.evaluation.runs import EvaluationRuns
from brightfield.settings import Settings
from brightfield.store.images import ImageStore


@dataclass(frozen=True, slots=True)
class Services:
    """What the handlers of one app share."""

    settings: Settings
    keyring: Keyring
    engine: Engine
    admission: Admission
    images: ImageStore
    jobs: JobRunner
    runs: EvaluationRuns
    collections: CollectionWork


def services_of(request: Request) -> Services:
    """Those of the app that the request came to; there once its lifespan has begun."""
    services: Services = request.scope["app"].state.services
    return services
