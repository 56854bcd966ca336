"""GET /docs/guide: the pages and the reference that `docs/guide` has built into the package."""

from __future__ import annotations

import mimetypes
from functools import cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import RedirectResponse, Response

from brightfield.api.door.needs import needs
from brightfield.api.page_policy import page_policy
from brightfield.errors import NotFound

_PATH: Final = "/docs/guide"
_NOT_BUILT: Final = (
    "The pages of the guide are not part of this installation. In a checkout "
    "`pip install '.[docs]'` and `python docs/guide` build them into the package; the image of "
    "Docker has them. The same pages are the folder docs of the repository."
)


class Guide:
    """The built site: a folder of pages, each a folder with an `index.html`."""

    def __init__(self, folder: Traversable) -> None:
        self._folder = folder

    @cached_property
    def _known(self) -> dict[str, Traversable]:
        """Every file by its path: what isn't here is nowhere, however the path is written."""
        return dict(_below(self._folder, "")) if self._folder.is_dir() else {}

    def reply(self, name: str) -> Response:
        """A file of the site. Raises `NotFound` also where none was built."""
        if not self._known:
            raise NotFound(_NOT_BUILT)
        if f"{name}/index.html" in self._known:
            return RedirectResponse(f"{name.rpartition('/')[2]}/")
        path = f"{name}index.html" if name == "" or name.endswith("/") else name
        if path not in self._known:
            raise NotFound(f"The guide has no page {name[:100]!r}; {_PATH}/ lists them.")
        content = self._known[path].read_bytes()
        kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
        headers = {"Cache-Control": "no-cache"}
        if kind == "text/html":
            headers["Content-Security-Policy"] = page_policy(content)
        return Response(content, media_type=kind, headers=headers)


def install(app: FastAPI) -> None:
    """Add the guide to the app; its files are looked for when it is first asked for."""
    router = APIRouter(include_in_schema=False)
    guide = Guide(files("brightfield") / "guide")

    @router.get(_PATH)
    @needs("open")
    async def guide_root() -> Response:
        return RedirectResponse("guide/")

    @router.get(f"{_PATH}/{{name:path}}")
    @needs("open")
    def guide_page(name: str, request: Request) -> Response:
        return guide.reply(name)

    app.include_router(router)


def _below(folder: Traversable, path: str) -> list[tuple[str, Traversable]]:
    found: list[tuple[str, Traversable]] = []
    for each in folder.iterdir():
        if each.is_dir():
            found += _below(each, f"{path}{each.name}/")
        else:
            found.append((f"{path}{each.name}", each))
    return found
