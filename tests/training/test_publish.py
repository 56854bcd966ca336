"""Cards after training: the new values, and everything else as it was."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

from brightfield.cards import Quality, read_card
from brightfield.models.loading.weights import verify
from training.publish import write_quality, write_threshold, write_weights

CARD = """
id = "small"
version = "1"  # a remark
task = "detect"
licence = "Apache-2.0"

[architecture]
name = "fcos"
classes = 3

[output]
activation = "sigmoid"
threshold = 0.5
"""


def test_weights_threshold_and_quality_go_into_the_card(tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "card.toml").write_text(CARD)
    network = nn.BatchNorm1d(2)
    write_weights(network, folder)
    write_threshold(0.37499, folder)
    write_quality([Quality(data="d", split="val", metric="ap", value=0.123456, n=7)], folder)
    card = read_card(folder)
    assert card.weights is not None and card.weights.file is not None
    file = folder / card.weights.file
    verify(file, card.weights.sha256)
    assert file.stat().st_mode & 0o777 == 0o644
    state = load_file(file)
    assert state["weight"].dtype == torch.float16
    assert state["num_batches_tracked"].dtype == torch.int64
    assert card.output.threshold == 0.37
    assert [(q.metric, q.value, q.n) for q in card.quality] == [("ap", 0.1235, 7)]
    assert "# a remark" in (folder / "card.toml").read_text()
    write_quality([], folder)
    assert read_card(folder).quality == ()
