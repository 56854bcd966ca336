from __future__ import annotations

import csv
import io
import json

from brightfield_client.cli import main


def test_text_for_people(replies, images, fake, capsys):
    code = main(["classify", str(images), "--model", "tiny", "--top-k", "2", "--set", "z=3"])
    out, err = capsys.readouterr()
    assert code == 0
    assert out.splitlines() == [
        str(images / "a.png"),
        "  0.9000  cat",
        str(images / "b.PNG"),
        "  0.9000  cat",
    ]
    assert "Alpha was dropped." in err
    assert dict(fake.last.url.params) == {"model": "tiny", "top_k": "2", "z": "3"}


def test_one_bad_file_does_not_stop_the_rest(replies, images, capsys):
    (images / "aa.png").write_bytes(b"bad")
    code = main(["classify", str(images), "missing.png", "--csv"])
    out, err = capsys.readouterr()
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 1
    assert [(row["file"], row["label"]) for row in rows] == [
        (str(images / "a.png"), "cat"),
        (str(images / "b.PNG"), "cat"),
    ]
    complaints = err.splitlines()
    assert len(complaints) == 2
    assert complaints[0].endswith("aa.png: It is cut. (truncated_image)")
    assert complaints[1].endswith(" missing.png: No such file or directory.")


def test_json_lines_and_a_folder_of_files(replies, images, capsys, tmp_path):
    assert main(["classify", str(images), "--json"]) == 0
    first = json.loads(capsys.readouterr().out.splitlines()[0])
    assert first["file"] == str(images / "a.png")
    assert first["result"]["predictions"][0]["label"] == "cat"
    other = tmp_path / "a.png"
    other.write_bytes(b"one")
    assert main(["classify", str(images), str(other), "--out", "answers"]) == 0
    names = sorted(path.name for path in (tmp_path / "answers").iterdir())
    assert names == ["a.png-2.json", "a.png.json", "b.PNG.json", "manifest.csv"]


def test_resume(replies, images, fake):
    assert main(["classify", str(images), "--resume", "done.jsonl"]) == 0
    asked = len(fake.requests)
    assert main(["classify", str(images), "--resume", "done.jsonl"]) == 0
    assert [request.url.path for request in fake.requests[asked:]] == ["/livez"]
