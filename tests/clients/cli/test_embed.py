from __future__ import annotations

import numpy as np

from brightfield_client.cli import main


def test_vectors_of_what_could_be_read(replies, images, capsys):
    (images / "c.png").write_bytes(b"bad")
    assert main(["embed", str(images), "--out", "vectors.npz", "--layer", "pool"]) == 1
    with np.load("vectors.npz") as saved:
        assert saved["vectors"].dtype == np.float32
        assert saved["vectors"].tolist() == [[1, 2], [1, 2]]
        assert saved["files"].tolist() == [str(images / "a.png"), str(images / "b.PNG")]
        assert (str(saved["model"]), str(saved["layer"])) == ("tiny@1", "pool")
    assert "2 vectors of 2 values" in capsys.readouterr().out


def test_only_npz(images, capsys):
    assert main(["embed", str(images), "--out", "vectors.csv"]) == 2
    assert "npz" in capsys.readouterr().err
