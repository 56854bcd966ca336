"""GET /: the page; below /web its modules, styles and sample pictures."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import JSONResponse, Response

from brightfield.api.door.needs import needs
from brightfield.errors import NotFound
from brightfield.web.samples import samples

# The page runs its own files alone and asks its own service alone; pictures that it makes itself
# are blobs.
_POLICY: Final = (
    "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
_TYPES: Final[Mapping[str, str]] = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}
# What a program is told that opens the address and wants JSON alone.
_DOORS: Final = {"name": "brightfield", "page": "/", "docs": "/docs", "openapi": "/openapi.json"}


class Files:
    """The files of the page, each read once, with a strong ETag of its bytes."""

    def __init__(self) -> None:
        self._folder = files("brightfield.web")
        self._known = {each: self._folder / each for each in _below(self._folder, "")}
        self._known |= {f"samples/{name}": place for name, place in samples().items()}
        self._read: dict[str, tuple[bytes, str]] = {}

    def reply(self, name: str, request: Request) -> Response:
        """The file, or 304 to who has it already. Raises `NotFound`."""
        if name not in self._known:
            raise NotFound(f"The page has no file {name[:100]!r}; open / anew.")
        content, tag = self._content(name)
        headers = {
            "ETag": tag, "Cache-Control": "no-cache", "Content-Security-Policy": _POLICY,
            "Vary": "Accept",
        }  # fmt: skip
        if _has(request.headers.get("if-none-match", ""), tag):
            return Response(status_code=304, headers=headers)
        kind = _TYPES["." + name.rpartition(".")[2]]
        return Response(content, headers={**headers, "Content-Type": kind})

    def _content(self, name: str) -> tuple[bytes, str]:
        if name not in self._read:
            content = self._known[name].read_bytes()
            self._read[name] = content, f'"{sha256(content).hexdigest()}"'
        return self._read[name]


def install(app: FastAPI) -> None:
    """Add the page to the app."""
    router = APIRouter(include_in_schema=False)
    files = Files()

    @router.get("/")
    @needs("open")
    async def page(request: Request) -> Response:
        if _wants_json_alone(request.headers.get("accept", "")):
            return JSONResponse(_DOORS, headers={"Vary": "Accept"})
        return files.reply("index.html", request)

    @router.get("/web/{name:path}")
    @needs("open")
    async def web(name: str, request: Request) -> Response:
        return files.reply(name, request)

    app.include_router(router)


def _below(folder: Traversable, path: str) -> list[str]:
    """The names of the files that a browser may have, with the folders they are in."""
    found = []
    for each in folder.iterdir():
        if each.is_dir():
            found += _below(each, f"{path}{each.name}/")
        elif "." + each.name.rpartition(".")[2] in _TYPES:
            found.append(f"{path}{each.name}")
    return found


def _has(header: str, tag: str) -> bool:
    held = {each.strip().removeprefix("W/") for each in header.split(",")}
    return tag in held or "*" in held


def _wants_json_alone(accept: str) -> bool:
    return "json" in accept and "html" not in accept and "*/*" not in accept
