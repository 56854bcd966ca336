"""Reading smears from COCO's form."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from training.data.bccd import category_ids, smears


def test_reads_boxes_classes_and_pixels(tmp_path: Path) -> None:
    folder = tmp_path / "bccd"
    (folder / "images").mkdir(parents=True)
    pixels = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    Image.fromarray(pixels).save(folder / "images" / "one.png")
    content = {
        "images": [{"id": 9, "file_name": "one.png"}, {"id": 4, "file_name": "two.png"}],
        "categories": [
            {"id": 7, "name": "Platelets"},
            {"id": 2, "name": "RBC"},
            {"id": 1, "name": "WBC"},
        ],
        "annotations": [
            {"image_id": 9, "category_id": 7, "bbox": [1, 2, 3, 1]},
            {"image_id": 9, "category_id": 2, "bbox": [0, 0, 2, 2]},
        ],
    }
    (folder / "val.json").write_text(json.dumps(content))
    one, two = smears(tmp_path, "val")
    assert (one.id, two.id) == (9, 4)
    assert one.boxes.tolist() == [[1, 2, 4, 3], [0, 0, 2, 2]]
    assert one.classes.tolist() == [2, 0]
    assert two.boxes.shape == (0, 4)
    np.testing.assert_array_equal(one.pixels(), pixels)
    assert category_ids(tmp_path) == {2: 7, 0: 2, 1: 1}
