"""What jobs and collections need of a client, and how a call becomes a method of one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from httpx2 import ServerSentEvent

from brightfield_client.async_driving import in_thread, linked
from brightfield_client.calls.call import Call
from brightfield_client.exchange import Policy, Runnable
from brightfield_client.presenting import present

P = ParamSpec("P")
T = TypeVar("T")


class AsyncSender(Protocol):
    """A client, as far as it sends."""

    @property
    def policy(self) -> Policy: ...
    async def run(self, question: Runnable[T], /) -> T: ...
    def stream(self, call: Call[Any], quiet: float, /) -> AsyncGenerator[ServerSentEvent, None]: ...
    async def pause(self, seconds: float, /) -> None: ...


def async_method(
    build: Callable[P, Runnable[T]],
) -> Callable[Concatenate[AsyncSender, P], Coroutine[Any, Any, T]]:
    """The method of a client that sends what `build` makes and returns the answer."""

    async def send(self: AsyncSender, /, *args: P.args, **kwargs: P.kwargs) -> T:
        question = await in_thread(build, *args, **kwargs)
        return linked(await self.run(question), question, self.run)

    present(send, build)
    return send


class AsyncAsked(Protocol):
    """A collection, as far as its calls are asked."""

    name: str

    async def ask(self, call: Call[T], long: bool, /) -> T: ...


def async_collection_method(
    build: Callable[Concatenate[str, P], Call[T]], *, long: bool = False
) -> Callable[Concatenate[AsyncAsked, P], Coroutine[Any, Any, T]]:
    """The method of a collection that asks what `build` makes; `long` work as a job."""

    async def method(self: AsyncAsked, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.ask(await in_thread(build, self.name, *args, **kwargs), long)

    present(method, build, bound=1)
    return method
