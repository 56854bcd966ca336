"""Reading nuclei fields as the service would."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from training.data.dsb2018 import fields


def test_reads_pictures_and_labels_of_one_part(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    random = np.random.default_rng(0)
    colors = random.integers(0, 255, (6, 8, 4), np.uint8)
    colors[:, :, 3] = 255
    labels = random.integers(0, 400, (6, 8)).astype(np.uint16)
    for name in ("one", "two"):
        Image.fromarray(colors).save(tmp_path / "images" / f"{name}.png")
        Image.fromarray(labels).save(tmp_path / "labels" / f"{name}.png")
    entries = {"train": [{"id": "one", "kind": "he_purple"}], "val": [{"id": "two", "kind": "x"}]}
    (tmp_path / "splits.json").write_text(json.dumps(entries))
    (field,) = fields(tmp_path, "train")
    assert (field.id, field.kind) == ("one", "he_purple")
    np.testing.assert_array_equal(field.labels, labels)
    np.testing.assert_array_equal(field.picture.pixels, colors[:, :, :3])
