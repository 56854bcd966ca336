"""Known networks that a file may be of: torchvision's, timm's and segmentation-models-pytorch's."""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from brightfield.cards import ModelCard
from brightfield.models.bringing.known import known, names_alike, shapes_alike
from brightfield.models.bringing.shapes import TensorShapes
from brightfield.models.loading.libraries import build_smp, build_timm, smp_classes
from brightfield.models.torchvision.builders import build_torchvision, rename_torchvision

_WORDS = re.compile(r"[^a-z0-9]+")
_SMP = "segmentation_models_pytorch"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A known network: its name on a card, how it is built, and what its arguments are called."""

    name: str
    make: Callable[[Mapping[str, Any]], nn.Module]
    rename: Callable[[dict[str, Tensor], nn.Module], dict[str, Tensor]]
    classes: Callable[[nn.Module], int]
    """How many classes it has by default."""
    arguments: tuple[str | None, str | None]
    """What the number of classes and that of input channels are called."""
    fixed: Mapping[str, Any] = field(default_factory=dict)
    """Arguments that belong to the candidate."""


def candidates(task: str, there: TensorShapes, hints: Iterable[str]) -> list[Candidate]:
    """The networks for a task that may have such tensors, those that a hint names first.

    Hints are texts such as the name of the file and hyper-parameters of its training.
    """
    words = plain_words(hints)
    found = [*_torchvision(task, there, words), *_timm(task, there), *_smp(task, there)]
    return sorted(found, key=lambda each: not hinted(each.name, words))


def hinted(name: str, words: Iterable[str]) -> bool:
    """Whether one of the texts names the network."""
    plain = _plain(name.partition(":")[2])
    return any(f"_{plain}_" in f"_{word}_" for word in words)


def plain_words(hints: Iterable[str]) -> set[str]:
    """Texts as they are compared with names."""
    return {_plain(hint) for hint in hints}


def _plain(text: str) -> str:
    return _WORDS.sub("_", text.lower()).strip("_")


def _same(state: dict[str, Tensor], module: nn.Module) -> dict[str, Tensor]:
    return state


def _torchvision(task: str, there: TensorShapes, words: set[str]) -> Iterator[Candidate]:
    """Those of the same names, and one that a hint names: published files may have earlier ones."""
    import torchvision
    from torchvision.models import detection, list_models, segmentation

    tasks = {
        "classify": (torchvision.models, 1000),
        "segment": (segmentation, 21),
        "detect": (detection, 91),
    }
    module, classes = tasks.get(task, (None, 0))
    names = list_models(module=module) if module else []
    digest = names_alike(there)
    for name in names:
        full = f"torchvision:{name}"
        meant = known()["torchvision"].get(name) == digest or hinted(full, words)
        if meant and "keypoint" not in name:
            make = _card_maker(full, build_torchvision)
            yield Candidate(
                full, make, rename_torchvision, lambda _: classes, ("num_classes", None)
            )


def _timm(task: str, there: TensorShapes) -> Iterator[Candidate]:
    if task != "classify" or importlib.util.find_spec("timm") is None:
        return
    timm: Any = importlib.import_module("timm")
    digests: dict[tuple[str, ...], str] = {}
    for name in timm.list_models():
        layers = timm_layers(name)
        digests.setdefault(layers, shapes_alike(there, layers))
        if known()["timm"].get(name) == digests[layers]:
            full = f"timm:{name}"
            make = _card_maker(full, build_timm)
            yield Candidate(full, make, _same, _timm_classes, ("num_classes", "in_chans"))


def timm_layers(name: str) -> tuple[str, ...]:
    """The layers of a network of timm that depend on the numbers of classes and channels."""
    timm: Any = importlib.import_module("timm")
    usual = timm.get_pretrained_cfg(name, allow_unregistered=True)
    found = []
    for key in ("first_conv", "classifier"):
        named = getattr(usual, key, None) or ()
        found += [named] if isinstance(named, str) else [each for each in named if each]
    return tuple(found)


def _timm_classes(module: nn.Module) -> int:
    return int(module.num_classes)  # type: ignore[arg-type]


def _smp(task: str, there: TensorShapes) -> Iterator[Candidate]:
    if task != "segment" or importlib.util.find_spec(_SMP) is None:
        return
    smp: Any = importlib.import_module(_SMP)
    digest = names_alike((n[8:] for n in there if n.startswith("encoder.")), ())
    for encoder in (name for name, own in known()["smp"].items() if own == digest):
        for name in smp_classes(smp):
            full, fixed = f"smp:{name}", {"encoder_name": encoder}
            make = _card_maker(full, build_smp)
            names = ("classes", "in_channels")
            yield Candidate(full, make, _same, lambda _: 1, names, fixed)


def _card_maker(name: str, build: Callable[[ModelCard], nn.Module]) -> Callable[..., nn.Module]:
    def make(arguments: Mapping[str, Any]) -> nn.Module:
        card = {"id": "added", "version": "1", "task": "classify", "licence": "unknown"}
        architecture = {"name": name, **arguments}
        return build(ModelCard.model_validate({**card, "architecture": architecture}))

    return make
