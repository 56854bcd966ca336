from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, urljoin

import pytest

from brightfield.errors import InvalidParameter
from brightfield.names import NAME, check_name

GOOD = [
    "a", "k1/a.png", "...", "a..b/.hidden", "sha256:" + "0" * 64, "50%_grey.png", "scan%20one.png",
    "a?b#c&d=e+f", "é/日 本.tif", "a;b", "%zz", "x" * 512,
]  # fmt: skip
BAD = [
    "", ".", "..", "../a", "a/..", "a/../b", "./a", "a/.", "a//b", "/a", "a/", " a", "a ",
    "a\\b", "..\\a", "%2e%2e", "%2E.", "a/%2e%2e/b", "%252e%252e/x", "a%2f%2fb", "a%2f..%2fb",
    "a%5c..%5cb", "%2fa", "a%00b", "a%0ab", "a\nb", "a\x00b", "\ud800", "a\u202eb", "x" * 513,
    7, None, ["a"],
]  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_a_name_that_stays_what_it_is_in_an_address(name: str) -> None:
    assert check_name("ids", name, 512) == name
    # As a client resolves it, in segments or as one.
    for path in (quote(name), quote(name, safe="")):
        assert urljoin("http://x/items/", f"./{path}") == f"http://x/items/{path}"


@pytest.mark.parametrize("name", BAD, ids=ascii)
def test_a_name_that_would_be_another_address_is_refused(name: Any) -> None:
    with pytest.raises(InvalidParameter) as caught:
        check_name("ids", name, 512)
    (error,) = caught.value.errors
    assert error["location"] == "ids" and str(error["expected"]) in caught.value.detail
    f"{caught.value.detail}{error}".encode()  # a reply can carry it


@pytest.mark.parametrize("name", ["a", "resnet18", "v1.2_x-y", "0..1"])
def test_a_plain_name_needs_no_care(name: str) -> None:
    assert re.fullmatch(NAME, name) and quote(name, safe="") == name
    assert check_name("name", name, 128) == name


@pytest.mark.parametrize("name", ["", ".", "..", "-a", "a/b", "a\n", "\u212a", "%2e"])
def test_no_plain_name_is_part_of_an_address(name: str) -> None:
    assert not re.fullmatch(NAME, name)
