"""Whose rows: collections, jobs and runs belong to a project, and a project sees its own alone.

The project is a property of the database that a store is made with: `Collections(of_project(engine,
"optics"))` finds, makes and deletes those of optics. What belongs to a collection, a job or a run
(items, maps, indexes, chunks, results) is reached by its owner's key, and so needs no column.
"""

from __future__ import annotations

from sqlalchemy.engine import Connection, Engine

DEFAULT_PROJECT = "default"
"""The project of whatever was made without naming one, by earlier versions too."""

_OPTION = "brightfield_project"


def of_project(engine: Engine, project: str) -> Engine:
    """The same database with the same connections, as the project sees it."""
    return engine.execution_options(**{_OPTION: project})


def project_of(connection: Connection) -> str:
    """The project that a transaction is of."""
    project: str = connection.get_execution_options().get(_OPTION, DEFAULT_PROJECT)
    return project
