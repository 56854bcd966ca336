"""The calls as methods; `submit` and `map`, with an overload for each endpoint and answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from image_calls import answers, overloads
from plain_calls import SERVICE
from text import head, imports

from brightfield_client.calls.endpoints import ENDPOINTS

# The calls that are written by hand, by their modules.
BY_HAND = {
    "doctor": ("doctor",),
    "health": ("live", "ready"),
    "metrics": ("metrics",),
    "runs": ("start_run", "add_chunk", "run_points"),
    "stored": ("put_image",),
}


def endpoint_methods(queries: Mapping[str, Mapping[str, Any]]) -> str:
    """`submit` and `map` with an overload for each endpoint and kind of answer."""
    results = {kind for each in ENDPOINTS.values() for kind in answers(each).values()}
    lines = [
        head("docs/openapi.json and calls/endpoints.py"),
        '"""The calls as methods; `submit` and `map`, with the types of every endpoint."""\n',
        "from __future__ import annotations\n",
        "import os",
        "from abc import abstractmethod",
        "from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable",
        "from typing import Any, Literal, TypeVar, Unpack, overload\n",
        "from brightfield_client.async_job import AsyncJob",
        "from brightfield_client.async_sender import async_method",
        *(f"from brightfield_client.calls import {m} as {m}_calls" for m in _modules()),
        "from brightfield_client.calls import _parameters as given",
        "from brightfield_client.calls.endpoints import Endpoint, endpoint_of",
        "from brightfield_client.images import Images, ImageSource",
        "from brightfield_client.mapping import MapItem, MapPlan",
        *imports(results),
        "from brightfield_client.results.result import Result",
        'R = TypeVar("R", bound=Result)\n',
        "class AsyncEndpointMethods:",
        '    """The calls of the service as methods, and what takes the name of an endpoint."""\n',
        *(
            f"    {name} = async_method({module}_calls.{name})"
            for name, module in _methods().items()
        ),
    ]
    lines += _submit_overloads(queries)
    lines += [_SUBMIT]
    lines += _map_overloads(queries)
    return "\n".join([*lines, _MAP]) + "\n"


def _methods() -> dict[str, str]:
    """Every call that is a method of a client, with the module that it stands in."""
    generated = dict.fromkeys(ENDPOINTS, "_images") | {row.name: "_service" for row in SERVICE}
    return generated | {name: module for module, names in BY_HAND.items() for name in names}


def _modules() -> list[str]:
    return sorted(set(_methods().values()))


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
        plan = MapPlan(images, endpoint_of(task), parameters, concurrency, resume)
        return self._map(plan, progress)

    @abstractmethod
    def _map(self, plan: MapPlan, progress: bool) -> AsyncGenerator[MapItem[Any], None]: ...
'''
