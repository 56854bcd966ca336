"""The site: the pages of the repository as they lie there, so that their links hold."""

from __future__ import annotations

import argparse
import logging
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from mkdocs.commands.build import build
from mkdocs.config import load_config
from sdk_pages import sdk_page

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "service" / "brightfield" / "guide"
PAGES = ("README.md", "CHANGELOG.md", "LICENSE", "training/README.md", "docs")
_NOT_SHOWN = shutil.ignore_patterns("*.py", "client", "guide", "__pycache__")


def main() -> int:
    """Build the site into the package, or where the command line says."""
    parser = argparse.ArgumentParser(description="Build the pages of /docs/guide.")
    parser.add_argument("--to", type=Path, default=TARGET, help="the folder (default: %(default)s)")
    build_site(parser.parse_args().to)
    return 0


def build_site(folder: Path) -> None:
    """Write the site into a folder, whose former content goes. Raises for a link to nowhere."""
    logging.getLogger("mkdocs").setLevel(logging.WARNING)
    with TemporaryDirectory() as place:
        pages = Path(place)
        for name in PAGES:
            _copy(ROOT / name, pages / name)
        (pages / "docs" / "reference.md").write_text(sdk_page(), encoding="utf-8")
        config = load_config(
            str(Path(__file__).with_name("mkdocs.yml")),
            docs_dir=str(pages), site_dir=str(folder.resolve()),
        )  # fmt: skip
        build(config)
    (folder / "sitemap.xml.gz").unlink(missing_ok=True)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=_NOT_SHOWN)
    else:
        shutil.copy(source, target)
