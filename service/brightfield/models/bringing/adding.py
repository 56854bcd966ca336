"""A file becomes a model's folder: looked at, written, built and run once before it counts."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from brightfield.cards import CARD, ModelCard, Multiple, read_card
from brightfield.errors import InvalidCard
from brightfield.models.architecture import Candidates
from brightfield.models.bringing.card_text import card_text
from brightfield.models.bringing.looking import look
from brightfield.models.bringing.outputs import Outputs, settled
from brightfield.models.bringing.wishes import Looked, Wishes
from brightfield.models.examination.examination import Examination
from brightfield.models.examination.outputs import described, is_container, only_tensor, taken
from brightfield.models.loading.build import build
from brightfield.models.loading.file_forms import FileForm, form_of
from brightfield.models.loading.foreign_code import foreign_code
from brightfield.models.loading.input_sizes import sizes_of
from brightfield.models.loading.onnx_program import write_whole

# Labels beyond this make a card that nobody reads; they go into a file beside it.
_INLINE = 20
_SIDE = 256
_LABELS = "labels.txt"
_NO_ID = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class AddedModel:
    """The new folder, its card, and sentences about what was recognised, assumed and left open."""

    folder: Path
    card: ModelCard
    told: tuple[str, ...]


def add(
    path: Path,
    wishes: Wishes,
    models: Path,
    examine: Callable[[ModelCard], Examination],
    *,
    trust_model_code: bool,
    data: Path | None,
) -> AddedModel:
    """Make `models`/<id> from a file: its card, a copy of the file, labels and code.

    The network is built and run, and `examine` does what the service does when it loads the model.
    Nothing is left behind unless all of this works and the labels are as many as its outputs.

    Raises `ValueError` for a folder that is there already, `InvalidCard` for what is missing, and
    what building and running the network raises.
    """
    name = wishes.id or _NO_ID.sub("-", path.stem).strip("-._") or "model"
    target = models / name
    if target.exists():
        raise ValueError(f"{target} is there already; choose another name with --id, or remove it.")
    looked = look(path, wishes, trust_model_code=trust_model_code)
    models.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=models, prefix=".adding-") as partial:
        place = Path(partial) / name
        file = _copied(path, place, wishes)
        _write(place, _content(name, file, looked, wishes, {}), {})
        outputs = _run(read_card(place), trust_model_code, data)
        output, said, told = settled(outputs, wishes)
        content = _content(name, file, looked, wishes, output)
        _write(place, content, {**looked.assumed, "output": said} if said else looked.assumed)
        found = examine(read_card(place))
        place.rename(target)
    assumed = [*looked.assumed.values(), *([said] if said else [])]
    licence = [] if "licence" in wishes.card else ['licence is "unknown"; say it with --licence']
    lines = (*looked.told, *told, *assumed, *licence, *_examined(found))
    return AddedModel(target, read_card(target), lines)


def _examined(found: Examination) -> Iterator[str]:
    """What an examination found that whoever brings a model should know."""
    yield f"examined: it puts out {found.output} for an image of {found.shape}"
    yield from (f"warning: {note.detail}" for note in found.warnings)
    yield from (f"remark: {note.detail}" for note in found.remarks)
    for name, ability in found.abilities.items():
        if ability.holds is False:
            yield f"not {name}: {ability.reason or 'see the warnings'}"


def _copied(path: Path, place: Path, wishes: Wishes) -> Path:
    """The file and what lies beside it, in the new folder."""
    place.mkdir()
    file = place / path.name
    if form_of(path) is FileForm.ONNX:
        write_whole(path, file)
    else:
        shutil.copyfile(path, file)
    for code in wishes.code:
        shutil.copyfile(code, place / code.name)
    if len(wishes.labels) > _INLINE:
        (place / _LABELS).write_text("\n".join(wishes.labels) + "\n", encoding="utf-8")
    return file


def _content(
    name: str, file: Path, looked: Looked, wishes: Wishes, output: Mapping[str, Any]
) -> dict[str, Any]:
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    many = len(wishes.labels) > _INLINE
    return {
        "id": name,
        "version": "1",
        "task": wishes.task,
        "licence": "unknown",
        **wishes.card,
        "labels": {"file": _LABELS} if many else list(wishes.labels),
        "architecture": looked.architecture,
        "weights": {"file": file.name, "sha256": digest, **looked.weights},
        "input": _input(looked, wishes),
        "output": {**output, **wishes.output},
    }


def _input(looked: Looked, wishes: Wishes) -> dict[str, Any]:
    """What was said over what was found: a size of one's own stands for all that makes one."""
    found = dict(looked.input)
    if any(key in wishes.input for key in ("size", "resize", "crop")):
        found = {k: v for k, v in found.items() if k not in ("size", "resize", "crop")}
    return {**found, **wishes.input}


def _write(place: Path, content: Mapping[str, Any], assumed: Mapping[str, str]) -> None:
    (place / CARD).write_text(card_text(content, assumed), encoding="utf-8")


def _run(card: ModelCard, trust: bool, data: Path | None) -> Outputs:
    """The output of the network for noise of the card's form."""
    module = build(card, trust_model_code=trust, data=data)
    sizes = sizes_of(module)
    height, width = _side(card)
    shape = (sizes.batch.nearest(2), card.input.channels, sizes.height.nearest(height),
             sizes.width.nearest(width))  # fmt: skip
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    with foreign_code(f"Running {card.id} on {' x '.join(map(str, shape))}", InvalidCard):
        with torch.inference_mode():
            output = module(noise)
        return _outputs(output, card)


def _side(card: ModelCard) -> tuple[int, int]:
    spec = card.input
    if isinstance(spec.size, tuple):
        return spec.size
    if spec.crop is not None:
        return spec.crop, spec.crop
    step = spec.size.multiple if isinstance(spec.size, Multiple) else 1
    side = -(-_SIDE // step) * step
    return side, side


def _outputs(output: Any, card: ModelCard) -> Outputs:
    path = card.output.take or (only_tensor(output) if is_container(output) else ())
    output = output if path is None else taken(output, path)
    if isinstance(output, Candidates):
        return Outputs("candidates", output.logits.shape[-1])
    if not isinstance(output, Tensor):
        return Outputs(described(output), 0)
    kinds = {1: "scores", 2: "scores", 4: "maps"}
    kind = kinds.get(output.dim(), f"a tensor of {output.dim()} axes")
    return Outputs(kind, output.shape[1] if output.dim() > 1 else 1)
