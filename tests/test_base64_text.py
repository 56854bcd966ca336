"""Base64 in all the ways that programs write it."""

from __future__ import annotations

import base64
import urllib.parse

import pytest

from brightfield import base64_text
from brightfield.base64_text import decoded

DATA = bytes(range(256)) * 3 + b"\xfb\xff"
PLAIN = base64.b64encode(DATA).decode()
SAFE = base64.urlsafe_b64encode(DATA).decode()
FORMS = {
    "plain": PLAIN,
    "url-safe": SAFE,
    "without padding": SAFE.rstrip("="),
    "wrapped": "\r\n".join(PLAIN[i : i + 76] for i in range(0, len(PLAIN), 76)) + "\n",
    "data url": f"data:image/png;base64,{PLAIN}",
    "upper case": f"DATA:Image/PNG;BASE64,{PLAIN}",
    "leading space": f" \n data:image/png;base64, {PLAIN}",
    "charset": f"data:image/png;charset=utf-8;base64,{SAFE}",
    "percent": f"data:;base64,{urllib.parse.quote(PLAIN)}",
    "byte order mark": f"\ufeff{PLAIN}",
}


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_what_is_unambiguous_is_read(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert decoded(text) == DATA
    monkeypatch.setattr(base64_text, "_PIECE", 7)
    assert decoded(text) == DATA


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        (f"b'{PLAIN}'", "decode"),
        ("https://example.org/cat.png", "aren't fetched"),
        ("data:text/plain,hello%21", "letters"),
        (f"{PLAIN[:8]}=={PLAIN[8:]}", "at the end alone"),
        (f"{PLAIN}====", "at the end alone"),
        (PLAIN[:1001], "letters"),
        (f'"{PLAIN}"', "letters"),
    ],
)
def test_all_else_is_refused_with_what_to_do(text: str, advice: str) -> None:
    with pytest.raises(ValueError, match=advice):
        decoded(text)
