"""Converting a model for a backend, in a process of its own: `python -m` this module.

Conversion takes seconds, holds the interpreter's lock, and runs a model's own code in unusual ways,
so none of it happens in the service. The process builds the model from its card as the service
does, and ends with the service, whose pipe it reads.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch

from brightfield.backend_names import BackendName
from brightfield.cards import read_card
from brightfield.models.examination.outputs import OutputForm, compute_in, read_as
from brightfield.models.inspection.layers import Tap
from brightfield.models.inspection.normalising import Rewrite
from brightfield.models.loading.build import build
from brightfield.models.loading.foreign_code import cause
from brightfield.models.loading.makeup import check_unchanged
from brightfield.runtime.acceleration.network import OutputTensors
from brightfield.runtime.backends import catalog

OUTCOME = "outcome.json"


@dataclass(frozen=True, slots=True)
class ConversionJob:
    """A model, how its output is read, and an example of `rows` of it.

    `card` is its folder, `digest` what its files had when it was loaded, `features` the place whose
    values are put out as well.
    """

    backend: BackendName
    card: Path
    digest: str
    data: Path
    trust_model_code: bool
    device: str
    rewrite: Rewrite | None
    features: Tap | None
    form: OutputForm | None
    dtype: torch.dtype | None
    example: torch.Tensor
    folder: Path

    def __call__(self) -> None:
        """Write what the backend needs into the folder. Raises whatever goes wrong."""
        card = read_card(self.card)
        check_unchanged(card, self.digest)
        module = build(card, trust_model_code=self.trust_model_code, data=self.data)
        if self.dtype is not None:
            compute_in(module, self.dtype)
        if self.form is not None:
            read_as(module, self.form)
        network = OutputTensors(module, self.rewrite, self.features).to(self.device).eval()
        catalog()[self.backend].convert(network, self.example.to(self.device), self.folder)


def main() -> None:
    _give_way()
    job: ConversionJob = pickle.load(sys.stdin.buffer)
    threading.Thread(target=_end_with_service, daemon=True).start()
    torch.set_num_threads(1)
    try:
        job()
        outcome = {}
    except BaseException as fault:  # a lab's code may raise anything
        outcome = {"fault": cause(fault)}
    (job.folder / OUTCOME).write_text(json.dumps(outcome))
    os._exit(0)  # whatever threads a model's code has started


def _give_way() -> None:
    """Let the service have the processors, and die first where memory runs out."""
    with suppress(OSError, AttributeError):
        os.nice(10)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _end_with_service() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


if __name__ == "__main__":
    main()
