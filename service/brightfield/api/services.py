"""What the handlers of one app share."""

from __future__ import annotations

from dataclasses import dataclass, replace

import sqlalchemy as sa
from starlette.requests import Request

from brightfield.access.keyring import Keyring
from brightfield.access.storage import Storage
from brightfield.api.admission.admission import Admission
from brightfield.api.cluster.cluster import Cluster
from brightfield.api.cluster.passing import Passing
from brightfield.api.door.visitors import visitor_of
from brightfield.api.jobs.runner import JobRunner
from brightfield.collections.services import CollectionWork
from brightfield.engine import Engine
from brightfield.engine.viewing.planes import ViewedPlanes
from brightfield.evaluation.runs import EvaluationRuns
from brightfield.settings import Settings
from brightfield.store.images import ProjectImages
from brightfield.store.jobs import Jobs
from brightfield.store.ownership import DEFAULT_PROJECT, of_project
from brightfield.store.runs import RunStore


@dataclass(frozen=True, slots=True)
class Services:
    """What the handlers of one app share."""

    settings: Settings
    keyring: Keyring
    storage: Storage
    engine: Engine
    admission: Admission
    images: ProjectImages
    jobs: JobRunner
    cluster: Cluster
    passing: Passing
    runs: EvaluationRuns
    collections: CollectionWork
    viewed: ViewedPlanes


class ProjectServices:
    """The services of each project, made when the first of its requests comes.

    They differ in whose collections, jobs, runs and images they see, and share all else.
    """

    def __init__(self, default: Services, database: sa.Engine) -> None:
        self._default = default
        self._database = database
        self._made = {DEFAULT_PROJECT: default}

    def of(self, project: str) -> Services:
        if project not in self._made:
            self._made[project] = self._for(project)
        return self._made[project]

    def _for(self, project: str) -> Services:
        shared, database = self._default, of_project(self._database, project)
        return replace(
            shared,
            images=shared.images.store.of(project),
            jobs=shared.jobs.within(Jobs(database, shared.jobs.channel)),
            runs=EvaluationRuns(
                RunStore(database), shared.engine.evaluations, shared.engine.limits
            ),
            collections=CollectionWork.of(shared.engine, database, shared.collections),
        )


def services_of(request: Request) -> Services:
    """Those of the project of the request's visitor; there once the app's lifespan has begun."""
    projects: ProjectServices = request.scope["app"].state.projects
    return projects.of(visitor_of(request).project)
