"""The service does without PyTorch's compiler, which holds 150 MB and takes seconds to import."""

from __future__ import annotations

import subprocess
import sys

import pytest

_PROGRAM = """
import sys
from brightfield.api.app import create_app
from brightfield.engine import Engine
from brightfield.settings import Settings

create_app(Settings(data=sys.argv[1], backend="eager"))
with Engine(Settings(data=sys.argv[1], backend="eager")) as engine:
    for name in ("imagenet-lite0", "nuclei", "blood-cells"):
        engine.registry.load(name).result()
unwanted = {"torch._dynamo", "triton", "scipy.stats", "sklearn", "pandas", "matplotlib"}
print(sorted(unwanted & set(sys.modules)))
"""


@pytest.mark.slow
def test_a_service_with_models_has_imported_no_compiler(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.slow  # the compiler takes 400 MB
def test_torchvision_asks_the_compiler_when_it_needs_an_answer():
    program = """
import sys
import brightfield.light_torchvision
from torchvision.ops import roi_align
assert "torch._dynamo" not in sys.modules
from torchvision.ops.roi_align import is_compile_supported
print(is_compile_supported("cpu"), "torch._dynamo" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["True", "True"], done.stderr
