"""What the page is made of: its weight, its types, and words that the documentation has, too."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from .conftest import ROOT

WEB = ROOT / "service" / "brightfield" / "web"


def test_the_page_weighs_little() -> None:
    parts = [each for end in ("html", "css", "js") for each in WEB.rglob(f"*.{end}")]
    assert sum(each.stat().st_size for each in parts) <= 350_000


def test_no_file_names_another_address() -> None:
    for path in WEB.rglob("*.js"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"https?://", text), path
        assert "innerHTML" not in text, path
        if path.name != "http.js":
            assert not re.search(r"(?<![#.\w])fetch\(", text), f"{path} speaks HTTP; http.js does"


def test_files_and_functions_are_short() -> None:
    for path in WEB.rglob("*.js"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 400, path


def test_methods_cannot_say_what_the_documentation_says() -> None:
    page = (ROOT / "docs" / "how-to" / "read-a-map.md").read_text(encoding="utf-8")
    table = dict(re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \|$", page, re.MULTILINE))
    source = (WEB / "panels" / "why" / "methods.js").read_text(encoding="utf-8")
    told = re.findall(r"name: '(\w+)'.*cannot: (?:'([^']+)'|\"([^\"]+)\")", source)
    assert {name: one or other for name, one, other in told} == table


@pytest.mark.skipif(
    shutil.which("node") is None or not (ROOT / ".npm/node_modules/typescript").is_dir(),
    reason="Node or TypeScript isn't there: npm install --prefix .npm typescript@5",
)
def test_types_are_right() -> None:
    compiler = ROOT / ".npm" / "node_modules" / "typescript" / "bin" / "tsc"
    told = subprocess.run(
        ["node", compiler, "-p", ROOT], capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stdout
