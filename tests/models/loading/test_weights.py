"""Weights: found, verified, read in every form that labs have them in."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from brightfield.cards import ModelCard
from brightfield.errors import InvalidCard
from brightfield.models.loading import weights
from brightfield.models.loading.weights import locate, pull, verify
from brightfield.outages import DamagedWeights, MissingWeights

STATE = {"fc.weight": torch.arange(6.0).reshape(2, 3), "fc.bias": torch.tensor([1.0, -1.0])}
RESNET = {"torchvision": "ResNet18_Weights.IMAGENET1K_V1"}


def card(source: dict[str, Any] | None, folder: Path = Path()) -> ModelCard:
    content = {"id": "m", "version": "1", "task": "classify", "licence": "MIT"}
    made = ModelCard.model_validate(
        {**content, "architecture": {"name": "a"}, **({"weights": source} if source else {})}
    )
    made._folder = folder
    return made


def test_verify_compares_with_the_card_or_the_name(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"abc").hexdigest()
    for name in ("w.pth", f"net-{digest[:8]}.pth"):
        (tmp_path / name).write_bytes(b"abc")
        assert verify(tmp_path / name, digest) == digest
        assert verify(tmp_path / name, None) == digest
    (tmp_path / "net-00000000.pth").write_bytes(b"abc")
    with pytest.raises(DamagedWeights, match=digest):
        verify(tmp_path / "net-00000000.pth", None)
    with pytest.raises(DamagedWeights, match="sha256"):
        verify(tmp_path / "w.pth", "0" * 64)


@pytest.mark.parametrize("name", ["../w.pth", "/etc/passwd", "a/../../w.pth", "c:/w.pth"])
def test_files_outside_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "w.pth").touch()
    (tmp_path / "m").mkdir()
    with pytest.raises(InvalidCard, match="leaves its folder"):
        locate(card({"file": name, "sha256": "0" * 64}, tmp_path / "m"), None)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ({"file": "w.pth", "sha256": "0" * 64}, "put w.pth into the model's folder"),
        ({"package": "no-such-thing:w.pth", "sha256": "0" * 64}, "pip install no-such-thing"),
        ({"package": "numpy:w.pth", "sha256": "0" * 64}, "has no w.pth"),
        (RESNET, "brightfield models pull m"),
    ],
)
def test_missing_weights_say_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: dict[str, Any], says: str
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "hub"))
    with pytest.raises(MissingWeights) as fault:
        locate(card(source, tmp_path), tmp_path)
    assert says in fault.value.detail
    assert str(tmp_path) not in fault.value.detail


def test_an_unknown_weights_name_is_a_wrong_card() -> None:
    with pytest.raises(InvalidCard, match=r"ResNet18_Weights\.IMAGENET1K_V1"):
        locate(card({"torchvision": "ResNet18_Weights.IMAGENET1K_V9"}), None)


def test_downloads_lie_in_the_data_folder_or_the_hub_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "hub"))
    for folder in (tmp_path / "hub/hub/checkpoints", tmp_path / "weights"):
        folder.mkdir(parents=True)
        (folder / "resnet18-f37072fd.pth").touch()
        assert locate(card(RESNET), tmp_path).parent == folder


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None: ...

    (tmp_path / "site").mkdir()
    with ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "site"))
    ) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_pull_downloads_once_and_checks(
    tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = bytes(3_000_000)
    name = f"net-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    (tmp_path / "site" / name).write_bytes(content)
    published = SimpleNamespace(url=f"{server}/{name}")
    monkeypatch.setattr(weights, "torchvision_weights", lambda _: published)
    seen: list[tuple[int, int | None]] = []
    path = pull(card(RESNET), tmp_path, lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == content
    assert seen[-1] == (len(content), len(content))
    assert len(seen) > 1
    (tmp_path / "site" / name).unlink()
    assert pull(card(RESNET), tmp_path) == path


def test_pull_replaces_a_damaged_file(
    tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"net-{hashlib.sha256(b'right').hexdigest()[:8]}.pth"
    (tmp_path / "site" / name).write_bytes(b"right")
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / name).write_bytes(b"cut")
    published = SimpleNamespace(url=f"{server}/{name}")
    monkeypatch.setattr(weights, "torchvision_weights", lambda _: published)
    assert pull(card(RESNET), tmp_path).read_bytes() == b"right"


@pytest.mark.parametrize(
    ("name", "fault"), [("net-00000000.pth", DamagedWeights), ("no.pth", MissingWeights)]
)
def test_a_bad_download_leaves_nothing(
    tmp_path: Path,
    server: str,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    fault: type[Exception],
) -> None:
    (tmp_path / "site" / "net-00000000.pth").write_bytes(b"other")
    published = SimpleNamespace(url=f"{server}/{name}")
    monkeypatch.setattr(weights, "torchvision_weights", lambda _: published)
    with pytest.raises(fault):
        pull(card(RESNET), tmp_path)
    assert not list((tmp_path / "weights").iterdir())
