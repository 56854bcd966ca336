"""GET /docs: Swagger UI from files that come with the service, under a policy that names them; and
GET /openapi.json."""

from __future__ import annotations

import asyncio

import orjson
from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from brightfield.api.page_policy import page_policy

_FILES = "/static-offline-docs"


def install(app: FastAPI) -> None:
    """Add the page; the app has its files already."""
    router = APIRouter(include_in_schema=False)

    @router.get("/docs")
    async def docs(request: Request) -> HTMLResponse:
        root = request.scope.get("root_path", "")
        page = get_swagger_ui_html(
            openapi_url=f"{root}{app.openapi_url}",
            title=app.title,
            swagger_js_url=f"{root}{_FILES}/swagger-ui-bundle.js",
            swagger_css_url=f"{root}{_FILES}/swagger-ui.css",
            swagger_favicon_url=f"{root}{_FILES}/favicon.png",
            swagger_ui_parameters={"validatorUrl": None},  # which would ask a server far away
        )
        page.headers["Content-Security-Policy"] = page_policy(bytes(page.body))
        return page

    app.include_router(router)
    # Ahead of FastAPI's own, which makes and writes the document on the event loop.
    app.router.routes.insert(0, Route(str(app.openapi_url), Document(app).get))


class Document:
    """The app's OpenAPI document, made in a thread when it is first asked for, and then kept."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._making = asyncio.Lock()
        self._content: dict[str, bytes] = {}

    async def get(self, request: Request) -> Response:
        """The document, with the path below which a proxy shows the app as its server."""
        root = str(request.scope.get("root_path", ""))
        async with self._making:
            if root not in self._content:
                self._content = {root: await asyncio.to_thread(self._written, root)}
            content = self._content[root]
        return Response(content, media_type="application/json")

    def _written(self, root: str) -> bytes:
        document = self._app.openapi()
        servers = {"servers": [{"url": root}]} if root else {}
        return orjson.dumps({**document, **servers})
