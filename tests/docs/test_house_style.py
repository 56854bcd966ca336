"""The pages, the settings and the titles of errors keep to the house style's words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from brightfield import errors
from brightfield.errors import BrightfieldError
from brightfield.settings import Settings

from .pages import ROOT, pages

# Each with what the house style says instead.
WORDS = {
    r"\b[Ll]eft out[:;,]": "default:",
    r"\b[Aa]like\b|\b[Ll]ikeness\b": "similar",
    r"\b[Tt]old\b": "reported, separated",
    r"\b[Pp]arted\b": "separated",
    r"\b[Ll]est\b": "so",
    r"\b[Ss]uper ?resolution\b": "super-resolution",
}
PAGES = [
    pytest.param(page, id=str(page.relative_to(ROOT)))
    for page in pages()
    if page.parent.name != "decisions" and page.name != "house-style.md"
]


def texts() -> Iterator[str]:
    yield from (field.description or "" for field in Settings.model_fields.values())
    yield from (
        value.title
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, BrightfieldError)
    )


@pytest.mark.parametrize("page", PAGES)
def test_pages_keep_to_the_words_of_the_house_style(page: Path) -> None:
    text = re.sub(r"`[^`\n]+`", "", page.read_text(encoding="utf-8"))
    found = {word: better for word, better in WORDS.items() if re.search(word, text)}
    assert found == {}


def test_settings_and_errors_keep_to_them_too() -> None:
    assert len(list(texts())) > 80
    for text in texts():
        assert not [word for word in WORDS if re.search(word, text)], text


def test_the_page_of_the_house_style_has_each_of_these_words() -> None:
    page = (ROOT / "docs" / "house-style.md").read_text(encoding="utf-8").lower()
    assert len(re.findall(r"^\| ", page, re.MULTILINE)) - 2 in range(12, 21)
    for better in WORDS.values():
        assert all(part in page for part in better.split(", ")), better
