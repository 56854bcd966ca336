"""`submit` and `map`, with an overload for each endpoint and kind of answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from image_calls import answers, overloads
from text import head, imports

from brightfield_client.calls.endpoints import ENDPOINTS


def endpoint_methods(queries: Mapping[str, Mapping[str, Any]]) -> str:
    """`submit` and `map` with an overload for each endpoint and kind of answer."""
    results = {kind for each in ENDPOINTS.values() for kind in answers(each).values()}
    lines = [
        head("docs/openapi.json and calls/endpoints.py"),
        '"""`submit` and `map`, with the types of every endpoint."""\n',
        "from __future__ import annotations\n",
        "import os",
        "from abc import abstractmethod",
        "from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable",
        "from typing import Any, Literal, TypeVar, Unpack, overload\n",
        "from brightfield_client.async_job import AsyncJob",
        "from brightfield_client.calls import _parameters as given",
        "from brightfield_client.calls.endpoints import Endpoint",
        "from brightfield_client.images import Images, ImageSource",
        "from brightfield_client.mapping import MapItem",
        *imports(results),
        "from brightfield_client.results.result import Result",
        'R = TypeVar("R", bound=Result)\n',
        "class AsyncEndpointMethods:",
        '    """What takes the name of an endpoint."""\n',
    ]
    lines += _submit_overloads(queries)
    lines += [_SUBMIT]
    lines += _map_overloads(queries)
    return "\n".join([*lines, _MAP]) + "\n"


def _submit_overloads(queries: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for endpoint in ENDPOINTS.values():
        for image, options, answer in overloads(endpoint, queries[endpoint.name]):
            yield (
                f'    @overload\n    async def submit(self, endpoint: Literal["{endpoint.name}"], '
                f"image: {image}, *, model: str | None = None, {options}) "
                f"-> AsyncJob[{answer}]: ..."
            )


def _map_overloads(queries: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for endpoint in ENDPOINTS.values():
        default = ' = "classify"' if endpoint.name == "classify" else ""
        for image, options, answer in overloads(endpoint, queries[endpoint.name]):
            if image != "Images":
                yield (
                    "    @overload\n    def map(self, images: Iterable[ImageSource], "
                    f'task: Literal["{endpoint.name}"]{default}, *, {_OF_MAP}, '
                    f"model: str | None = None, {options}) "
                    f"-> AsyncGenerator[MapItem[{answer}], None]: ..."
                )


_OF_MAP = (
    "concurrency: int = 8, progress: bool = True, resume: str | os.PathLike[str] | None = None"
)
_SUBMIT = '''
    @overload
    async def submit(
        self, endpoint: Endpoint[R], image: ImageSource | Images, **parameters: Any
    ) -> AsyncJob[R]: ...
    async def submit(
        self, endpoint: Any, image: ImageSource | Images, **parameters: Any
    ) -> AsyncJob[Any]:
        """Start an endpoint's work as a job: `submit("occlusion", "cell.tif", window=16)`.

        The job goes on when this program ends; `job(job_id)` finds it again.
        """
        return await self._submit(endpoint, image, parameters)

    @abstractmethod
    async def _submit(
        self, endpoint: str | Endpoint[Any], image: ImageSource | Images, parameters: dict[str, Any]
    ) -> AsyncJob[Any]: ...
'''
_MAP = f'''
    @overload
    def map(
        self, images: Iterable[ImageSource], task: Endpoint[R], *, {_OF_MAP}, **parameters: Any
    ) -> AsyncGenerator[MapItem[R], None]: ...
    def map(
        self, images: Iterable[ImageSource], task: Any = "classify", *, {_OF_MAP}, **parameters: Any
    ) -> AsyncGenerator[MapItem[Any], None]:
        """Ask one endpoint about many images; yields a `MapItem` for each, in their order.

        Nothing happens before the first item is asked for; `list(client.map(...))` asks for all.
        A bad image gives an item with an `error` and never stops the rest. With `resume`, a file
        of JSON lines, answers are kept as they come, and a later run takes them from there.

        Args:
            images: paths, or whatever the endpoint takes; only `resume` needs paths.
            task: the endpoint's name.
            concurrency: calls that run at the same time.
            progress: draw a bar on standard error, where that is a terminal.
            resume: the file that keeps the answers.
            parameters: the endpoint's.
        """
        return self._map(images, task, parameters, concurrency, progress, resume)

    @abstractmethod
    def _map(
        self,
        images: Iterable[ImageSource],
        task: str | Endpoint[Any],
        parameters: dict[str, Any],
        concurrency: int,
        progress: bool,
        resume: str | os.PathLike[str] | None,
    ) -> AsyncGenerator[MapItem[Any], None]: ...
'''
