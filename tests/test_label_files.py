"""Labels on a card: as texts, and in a file of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from brightfield.cards import read_card
from brightfield.errors import InvalidCard

CARD = """
id = "m"
version = "1"
task = "classify"
licence = "MIT"
labels = {labels}
[architecture]
name = "resnet"
"""


def names(folder: Path, labels: str, text: str | bytes | None = None) -> tuple[str, ...]:
    (folder / "card.toml").write_text(CARD.replace("{labels}", labels))
    if text is not None:
        content = text.encode() if isinstance(text, str) else text
        (folder / "labels.txt").write_bytes(content)
    return read_card(folder).label_names


@pytest.mark.parametrize("text", ["a\nb c\nd\n", "a\r\nb c\r\nd", b"\xef\xbb\xbfa\nb c \nd\n\n"])
def test_a_file_has_a_label_in_each_line(tmp_path: Path, text: str | bytes) -> None:
    assert names(tmp_path, '{ file = "labels.txt" }', text) == ("a", "b c", "d")
    assert names(tmp_path, '["a", "b c", { name = "d", color = [1, 2, 3] }]') == ("a", "b c", "d")


@pytest.mark.parametrize(
    ("labels", "text", "says"),
    [
        ('{ file = "labels.txt" }', "a\n\nb\n", "no label in line 2"),
        ('{ file = "labels.txt" }', "a\nb\na\n", "two labels are called 'a'"),
        ('{ file = "other.txt" }', "a\n", "'other.txt', which is not in the folder"),
        ('{ file = "../labels.txt" }', "a\n", "leaves the folder"),
    ],
)
def test_faulty_files_are_named(tmp_path: Path, labels: str, text: str, says: str) -> None:
    with pytest.raises(InvalidCard, match=says):
        names(tmp_path, labels, text)
