"""Data sets on disk: what is read, in which order, and what is refused."""

from __future__ import annotations

import json

import pytest

from brightfield_client.evaluating.dataset import by_folder, by_stem, by_table
from brightfield_client.evaluating.plan import open_dataset


def touch(*paths):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def test_a_folder_for_each_class(tmp_path):
    touch(tmp_path / "b/2.png", tmp_path / "a/deep/1.JPG", tmp_path / "a/note.txt")
    found = by_folder(tmp_path)
    assert [(case.id, case.truth) for case in found.cases] == [
        ("a/deep/1.JPG", "a"),
        ("b/2.png", "b"),
    ]
    assert found.labels == ("a", "b")
    touch(tmp_path / "flat/1.png")
    with pytest.raises(ValueError, match="have no classes"):
        by_folder(tmp_path / "flat")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="no images"):
        by_folder(tmp_path / "empty")


def test_a_table(tmp_path):
    table = tmp_path / "set.csv"
    table.write_text("\ufefffile,label,group\nz.png,cat,p1\na.png,dog,p2\n", encoding="utf-8")
    found = by_table(table)
    assert [(c.id, c.truth, c.group) for c in found.cases] == [
        ("a.png", "dog", "p2"), ("z.png", "cat", "p1")
    ]  # fmt: skip
    assert found.cases[0].path == tmp_path / "a.png"
    masks = by_table(table, files=True)
    assert masks.cases[0].truth == tmp_path / "dog" and masks.labels == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("path,label\n", "no rows"),
        ("picture,label\na,b\n", "no column path; it has picture, label"),
        ("path,label\na,b\na,c\n", "names a twice"),
        ("path,label,group\na,b,p\nc,d,\n", "no group"),
    ],
)
def test_a_wrong_table_says_what_is_wrong(text, says, tmp_path):
    (tmp_path / "set.csv").write_text(text)
    with pytest.raises(ValueError, match=says):
        by_table(tmp_path / "set.csv")


def test_folders_with_equal_names(tmp_path):
    images, labels = tmp_path / "images", tmp_path / "labels"
    touch(images / "b.png", images / "a.jpg", labels / "a.tif", labels / "b.npy")
    found = open_dataset("segment", tmp_path)
    assert [(c.id, c.truth.name) for c in found.cases] == [("a", "a.tif"), ("b", "b.npy")]
    assert open_dataset("segment", images, labels) == found
    touch(labels / "c.png")
    with pytest.raises(ValueError, match=r"c\.png has no partner in .*images"):
        by_stem(images, labels)
    touch(images / "c.png", images / "d.png")
    with pytest.raises(ValueError, match=r"d\.png has no partner in .*labels"):
        by_stem(images, labels)
    touch(images / "a.png")
    with pytest.raises(ValueError, match="have one stem"):
        by_stem(images, labels)


def test_a_coco_file(tmp_path):
    document = {
        "images": [{"id": 7, "file_name": "b.jpg"}, {"id": 3, "file_name": "a.jpg"}],
        "annotations": [{"id": 1, "image_id": 3, "category_id": 2, "bbox": [0, 0, 1, 1]}],
        "categories": [{"id": 1, "name": "unused"}, {"id": 2, "name": "RBC"}],
    }
    file = tmp_path / "val.json"
    file.write_text(json.dumps(document))
    found = open_dataset("detect", file)
    assert [case.path for case in found.cases] == [tmp_path / "a.jpg", tmp_path / "b.jpg"]
    assert found.cases[0].truth["annotations"] == document["annotations"]
    assert found.labels == ("RBC",)
    (tmp_path / "images").mkdir()
    assert open_dataset("detect", file).cases[0].path == tmp_path / "images/a.jpg"
    assert open_dataset("detect", file, tmp_path / "x").cases[0].path == tmp_path / "x/a.jpg"
    document["annotations"][0]["image_id"] = "3"
    file.write_text(json.dumps(document))
    assert open_dataset("detect", file).cases[0].truth["annotations"] == document["annotations"]
    document["annotations"][0]["image_id"] = 77
    file.write_text(json.dumps(document))
    with pytest.raises(ValueError, match="image_id 77 first; list the images"):
        open_dataset("detect", file)
    file.write_text('{"images": [{"id": 1}]}')
    with pytest.raises(ValueError, match="isn't a COCO data set"):
        open_dataset("detect", file)


def test_the_objects_of_a_coco_file_have_classes(tmp_path):
    document = {
        "images": [{"id": 3, "file_name": "a.jpg"}],
        "annotations": [
            {"image_id": 3, "category_id": 2, "bbox": [1, 2, 3, 4]},
            {"image_id": 3, "category_id": 2, "bbox": [0, 0, 9, 9], "iscrowd": 1},
        ],
        "categories": [{"id": 2, "name": "RBC"}],
    }
    file = tmp_path / "val.json"
    file.write_text(json.dumps(document))
    (case,) = open_dataset("classify", file).cases
    assert (case.id, case.truth, case.group) == ("a.jpg#0", "RBC", "a.jpg")
    assert case.box == (1, 2, 3, 4) and case.path == tmp_path / "a.jpg"
    document["annotations"][0] = {"image_id": 3, "category_id": 2}
    file.write_text(json.dumps(document))
    with pytest.raises(ValueError, match="without a box"):
        open_dataset("classify", file)
    document["annotations"][0] = {"image_id": 3, "category_id": 5, "bbox": [1, 2, 3, 4]}
    file.write_text(json.dumps(document))
    with pytest.raises(ValueError, match="category 5"):
        open_dataset("classify", file)


def test_images_alone_or_with_references(tmp_path):
    touch(tmp_path / "a.png", tmp_path / "more/b.png")
    found = open_dataset("superresolve", tmp_path)
    assert [(c.id, c.truth) for c in found.cases] == [("a.png", None), ("more/b.png", None)]
    touch(tmp_path / "images/a.png", tmp_path / "reference/a.tif")
    (pair,) = open_dataset("superresolve", tmp_path).cases
    assert pair.truth.name == "a.tif"


def test_what_is_no_data_set(tmp_path):
    with pytest.raises(FileNotFoundError, match="not-there"):
        open_dataset("classify", tmp_path / "not-there")
    with pytest.raises(ValueError, match="no evaluation of models that embed"):
        open_dataset("embed", tmp_path)
    with pytest.raises(ValueError, match="name the COCO file"):
        open_dataset("detect", tmp_path)
