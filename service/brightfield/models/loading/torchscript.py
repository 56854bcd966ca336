"""TorchScript: programs that torch.jit.save wrote, which run only if they are trusted."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import nn

from brightfield.errors import UntrustedCode
from brightfield.models.loading.file_forms import EXPORT_LINE, FileForm, check_form
from brightfield.outages import DamagedWeights


def load_torchscript(path: Path, *, trust_model_code: bool) -> nn.Module:
    """The program as a module. What happens within it is neither seen nor changed from outside:
    its layers give no maps, and its rectifiers follow no rule.

    A program may call every operator that is registered, so it isn't data.

    Raises `UntrustedCode` unless the settings trust model code, and `DamagedWeights` for a file
    that is no such program, or that this PyTorch cannot load.
    """
    check_form(path, FileForm.TORCHSCRIPT)
    if not trust_model_code:
        raise UntrustedCode(
            f"{path.name} is TorchScript, a program with all rights of the service. Export the "
            f"network instead, with {EXPORT_LINE}, or set trust_model_code "
            "(BRIGHTFIELD_TRUST_MODEL_CODE=true) if you trust where the file comes from."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # that it is deprecated, the how-to says
            module: nn.Module = torch.jit.load(path, map_location="cpu")  # type: ignore[no-untyped-call]
    except Exception as fault:  # the loader raises whatever its parsers raise
        raise DamagedWeights(
            f"{path.name} cannot be loaded as TorchScript by PyTorch {torch.__version__}; export "
            f"the network instead, with {EXPORT_LINE}."
        ) from fault
    return module
