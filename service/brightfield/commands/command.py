"""What a command of the service is: it works on this computer, without a service that runs."""

from __future__ import annotations

import argparse
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from brightfield.errors import BrightfieldError

if TYPE_CHECKING:
    from brightfield.settings import Settings


class Command(ABC):
    """`brightfield NAME`, where NAME is the name of its file; `models_check` is `models check`.

    What goes wrong ends the command with one sentence: a `BrightfieldError` with the exit code 1,
    a `ValueError` or `OSError`, which stand for wrong usage, with 2.
    """

    help: ClassVar[str]
    """A few words for the list of commands."""
    description: ClassVar[str] = ""
    """What its own --help says. default: `help`"""

    @abstractmethod
    def add_flags(self, parser: argparse.ArgumentParser) -> None:
        """Add its flags, or commands below it; called only when it is to run."""

    @abstractmethod
    def run(self, args: argparse.Namespace) -> int:
        """Do the work and return the exit code."""

    def main(self, words: Sequence[str], arguments: Sequence[str]) -> int:
        """Run with the arguments that follow its words."""
        name = " ".join(("brightfield", *words))
        said = self.description or f"{self.help[0].upper()}{self.help[1:]}."
        parser = argparse.ArgumentParser(prog=name, description=said)
        with needs_service(f"`{name}`"):
            import brightfield.settings  # noqa: F401 - who has its packages has all
        try:
            self.add_flags(parser)
            return self.run(parser.parse_args(arguments))
        except BrightfieldError as fault:
            print(f"brightfield: {fault.detail}", file=sys.stderr)
            return 1


@contextmanager
def needs_service(what: str) -> Iterator[None]:
    """Turn a package that is missing into an `ImportError` that says what to install."""
    try:
        yield
    except ModuleNotFoundError as fault:
        raise ImportError(
            f"{what} needs the service, and {fault.name} is not installed; "
            "install it with: pip install 'brightfield[service]'"
        ) from fault


def local_app() -> Any:
    """The service as an ASGI application in this process, for `--local`.

    Only the model that is asked for is loaded, not all defaults; and who can read the store needs
    no key. Raises `ImportError` without the service's packages, `RuntimeError` if it can't start.
    """
    with needs_service("--local"):
        from brightfield.api.app import create_app
        from brightfield.settings import Settings
    try:
        return create_app(Settings(preload=False, require_keys="never"))
    except BrightfieldError as fault:
        raise RuntimeError(fault.detail) from fault


def read_settings(**given: Any) -> Settings:
    """The settings: those `given` by flags, over BRIGHTFIELD_* variables, over defaults.

    Raises `ValueError` naming the flag or variable of a wrong value.
    """
    from pydantic import ValidationError

    from brightfield.settings import Settings

    try:
        return Settings(**given)
    except ValidationError as fault:
        wrong = fault.errors(include_url=False)[0]
        name = str(wrong["loc"][0]) if wrong["loc"] else "settings"
        origin = flag_of(name) if name in given else f"BRIGHTFIELD_{name.upper()}"
        message = wrong["msg"].removeprefix("Value error, ")
        raise ValueError(f"{origin}: {message} (it is {wrong['input']!r}).") from fault


def flag_of(setting: str) -> str:
    """The flag of a setting: `--max-bytes` for `max_bytes`."""
    return f"--{setting.replace('_', '-')}"
