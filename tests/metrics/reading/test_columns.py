"""Wrong types, lengths and labels are refused with the row; CSV and NPZ mean what JSON means."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from brightfield.errors import (
    BrightfieldError,
    InvalidParameter,
    InvalidRows,
    MalformedTable,
    PickledArray,
    TooManyBytes,
    UnknownParameter,
)
from brightfield.metrics.reading.csv_columns import read_csv
from brightfield.metrics.reading.npz_columns import read_npz

GOOD = {"truth": [0, 0, 1, 1], "scores": [0.1, 0.4, 0.35, 0.8]}


@pytest.mark.parametrize(
    ("change", "row"),
    [
        ({"scores": [0.1, "0.4", 0.35, 0.8]}, 1),
        ({"scores": [0.1, 0.4, True, 0.8]}, 2),
        ({"scores": [0.1, 0.4, 0.35]}, 3),
        ({"scores": [[0.1, 0.9], [0.2, 0.8], [0.3], [1, 0]]}, 2),
        ({"scores": [[0.1, 0.9], [0.2, 0.8], None, [1, "0"]]}, 3),
        ({"truth": [0, 0, 2, 1]}, 2),
        ({"truth": [0, 0.5, 1, 1]}, 1),
        ({"truth": ["a", "a", "b", "c"], "labels": ["a", "b"]}, 3),
        ({"truth": [0, 0, 1, [1]]}, 3),
        ({"predictions": [0, 1, 1, -1]}, 3),
        ({"ids": ["a", "b", "a", "c"]}, 2),
        ({"ids": ["a", "b", None, "c"]}, 2),
        ({"groups": [1, 2, 2.5, 3]}, 2),
    ],
)
def test_the_row_is_named(change, row, evaluate):
    data = {**GOOD, **change}
    options = {"labels": data.pop("labels", ["0", "1"])}
    with pytest.raises(InvalidRows) as caught:
        evaluate("classification", data, **options)
    assert caught.value.errors[0]["row"] == row
    assert str(row) in caught.value.detail


@pytest.mark.parametrize(
    "data",
    [
        {"truth": [0, 1]},
        {"scores": [0.1, 0.2]},
        {"truth": [1, 2], "scores": [0.1, 0.2]},
        {"truth": ["a", "a"], "scores": [0.1, 0.2]},
        {"truth": [0, 1], "scores": [[0.1, 0.2, 0.3]] * 2, "labels": ["a", "b"]},
        {"truth": ["a", "b"], "scores": [0.1, 0.2], "labels": ["a", "a"]},
    ],
)
def test_what_cannot_be_understood_says_what_to_send(data, evaluate):
    options = {name: data[name] for name in data if name == "labels"}
    with pytest.raises(InvalidParameter):
        evaluate("classification", {n: v for n, v in data.items() if n != "labels"}, **options)


def archive(**arrays):
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def test_csv_and_npz_are_json(evaluate):
    data = {
        "truth": ["no", "yes", "yes", "no", None],
        "scores": [0.25, 0.5, None, 1e-3, 0.5],
        "groups": [7, 7, 8, 9, 9],
        "ids": ["e", "d", "c", "b", "a"],
    }
    table = "id,truth,score,group\r\ne,no,0.25,7\r\nd,yes,5e-1,7\nc,yes,,8\nb,no,.001,9\na,,0.5,9\n"
    packed = archive(
        id=list("edcba"),
        truth=["no", "yes", "yes", "no", ""],
        score=[0.25, 0.5, np.nan, 1e-3, 0.5],
        group=[7, 7, 8, 9, 9],
    )
    expected = evaluate("classification", data)
    assert evaluate("classification", read_csv(table.encode())) == expected
    assert evaluate("classification", read_csv(("\ufeff" + table).encode())) == expected
    semicolons = table.replace(",", ";").encode()
    assert evaluate("classification", read_csv(semicolons)) == expected
    assert evaluate("classification", read_npz(packed, 10_000)) == expected


def test_columns_of_scores_name_the_classes(evaluate):
    table = b"truth,score:cat,score:dog,score:owl\ncat,.5,.25,.25\nowl,.5,.25,.25\n"
    report = evaluate("classification", read_csv(table))
    assert report["labels"] == ["cat", "dog", "owl"]
    assert report["confusion"]["counts"] == [[1, 0, 0], [0, 0, 0], [1, 0, 0]]
    packed = archive(truth=[0, 2], score=np.array([[0.5, 0.25, 0.25]] * 2))
    numbered = evaluate("classification", read_npz(packed, 10_000))
    assert numbered["metrics"] == report["metrics"]
    with pytest.raises(InvalidParameter, match="name them alike"):
        evaluate("classification", read_csv(table), labels="cat,dog,fox")


@pytest.mark.parametrize(
    ("table", "fault", "says"),
    [
        (b"truth,scores\n0,1\n", UnknownParameter, "Did you mean score"),
        (b"truth,score\n0\n", InvalidRows, "Row 0 has 1 fields"),
        (b"truth,score\n0,abc\n", InvalidRows, "row 0 is 'abc'"),
        (b"truth,truth\n0,1\n", MalformedTable, "twice"),
        (b"", MalformedTable, "empty"),
        (b"truth,score\n\xff,1\n", MalformedTable, "UTF-8"),
        (b"truth,score,score:a\n0,1,1\n", InvalidRows, "send either"),
    ],
)
def test_wrong_csv(table, fault, says, evaluate):
    with pytest.raises(fault, match=says):
        evaluate("classification", read_csv(table))


def test_wrong_npz():
    with pytest.raises(PickledArray, match="never read"):
        read_npz(archive(truth=np.array([{}, 1], object)), 10_000)
    with pytest.raises(TooManyBytes, match="unpacked"):
        read_npz(archive(score=np.zeros(100_000)), 10_000)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        made.writestr("truth.npy", b"\x93NUMPY\x01\x00 no header")
    whole = archive(truth=[0, 1], score=[0.5, 1.0])
    for damaged in (stream.getvalue(), whole[:-30], b"PK", whole[:60] + b"x" * 9 + whole[69:]):
        with pytest.raises(BrightfieldError) as caught:
            read_npz(damaged, 10_000)
        assert caught.value.status == 400


def test_a_header_that_promises_too_much_allocates_nothing():
    stream = io.BytesIO()
    np.save(stream, np.zeros(2))
    lying = stream.getvalue().replace(b"(2,), }   ", b"(2000000,)}")
    archive_bytes = io.BytesIO()
    with zipfile.ZipFile(archive_bytes, "w") as made:
        made.writestr("truth.npy", lying)
    with pytest.raises(MalformedTable, match=r"as many bytes|no array"):
        read_npz(archive_bytes.getvalue(), 10_000)


def test_tabs_separate_and_odd_numbers_are_refused(evaluate):
    read = read_csv(b"truth\tscore\n1\t0.9\n0\t0.1\n")
    assert evaluate("classification", read)["metrics"]["auroc"]["value"] == 1
    for text, says in (("1_0", "a number is expected"), ('"0,9"', "point as the decimal mark")):
        with pytest.raises(InvalidRows, match=says):
            evaluate("classification", read_csv(f"truth,score\n1,{text}\n0,0.1\n".encode()))
