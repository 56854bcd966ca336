"""A start imports what a first answer needs, and nothing that only some answers do."""

from __future__ import annotations

import subprocess
import sys

import pytest

_PRINT = "print(sorted({name.partition('.')[0] for name in sys.modules} & unwanted))"
_SUPERVISOR = """
import sys
unwanted = {"torch", "numpy", "PIL", "fastapi", "starlette", "uvicorn", "sqlalchemy", "httpx2"}
import brightfield_client.cli
from brightfield import commands
from brightfield.serving import start
commands.catalog()
"""
_WORKER = """
import sys
from brightfield.serving import worker
from brightfield.engine.engine import Engine
from brightfield.serving.server import Server
from brightfield.api.app import create_app
from brightfield.settings import Settings
settings = Settings(data=sys.argv[1], device="cpu")
create_app(settings, Engine(settings))
from brightfield.store.upgrade import newest
unwanted = {"alembic", "matplotlib", "sklearn", "openTSNE", "umap", "openvino", "jinja2", "pandas",
            "joblib", "httpx2", "brightfield_client"}
print(sorted({"torch._dynamo", "torch._inductor", "triton", "scipy.optimize", "scipy.stats",
              "scipy.sparse", "scipy.ndimage", "scipy.special", "skimage.measure",
              "brightfield.metrics.detection", "brightfield.embedding.projections.tsne"}
             & set(sys.modules)))
"""


@pytest.mark.parametrize(
    ("program", "printed"),
    [(_SUPERVISOR, "[]\n"), pytest.param(_WORKER, "[]\n[]\n", marks=pytest.mark.slow)],
)
def test_a_start_imports_nothing_in_vain(program: str, printed: str, tmp_path: object) -> None:
    done = subprocess.run(
        [sys.executable, "-c", program + _PRINT, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == printed, done.stderr
