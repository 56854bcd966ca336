"""The secret of a cluster: without it nobody joins, and nobody runs code in it."""

from __future__ import annotations

import os
import secrets
from collections.abc import MutableMapping

from brightfield.settings import Settings

VARIABLE = "RAY_AUTH_TOKEN"
_FILE = "cluster-token"


def take_secret(settings: Settings, environment: MutableMapping[str, str]) -> str:
    """Put the secret into the environment, and say how another machine gets it.

    It is what RAY_AUTH_TOKEN says, else what the data folder has; the first machine makes one
    there, for its user alone. Raises `ValueError` at a machine that joins without it.
    """
    if environment.get(VARIABLE):
        return f"${VARIABLE}"
    file = settings.data / _FILE
    if not file.exists():
        if settings.cluster:
            raise ValueError(
                f"The cluster has a secret; set {VARIABLE} to what the first machine keeps in the "
                f"file {_FILE} of its data folder."
            )
        settings.data.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as made:
            made.write(secrets.token_urlsafe(32))
    environment[VARIABLE] = file.read_text(encoding="utf-8").strip()
    return f"$(cat {file})"
