"""brightfield serve"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from brightfield_client.cli.command import Command
from brightfield_client.cli.exits import OK, SOME_FAILED, Stop, needs_service, sentence

if TYPE_CHECKING:
    from brightfield.settings import Settings

_SWITCH: dict[str, Any] = {"action": argparse.BooleanOptionalAction}

SERVE = Command("serve", "start the service", shared=())
"""What is listed; the flags come from the service's settings, see `start`."""


def start(arguments: list[str]) -> int:
    """Start the service and stay until it is stopped."""
    with needs_service("`brightfield serve`"):
        from brightfield.__main__ import serve
        from brightfield.errors import BrightfieldError
        from brightfield.settings import Settings
    given = vars(_parser(Settings).parse_args(arguments))
    settings = _settings(Settings, given)
    try:
        serve(settings)
    except KeyboardInterrupt:  # how a service in a terminal is stopped
        return OK
    except BrightfieldError as fault:
        raise Stop(fault.detail, SOME_FAILED) from fault
    return OK


def _parser(settings: type[Settings]) -> argparse.ArgumentParser:
    """A flag for every setting, with its documentation and default."""
    parser = argparse.ArgumentParser(
        prog="brightfield serve",
        description="Start the service. Each flag is also a variable, as BRIGHTFIELD_PORT.",
        argument_default=argparse.SUPPRESS,
    )
    for name, field in settings.model_fields.items():
        default = field.get_default()
        shown = default != "" and isinstance(default, str | int | float)
        text = (field.description or "").replace("%", "%%")
        parser.add_argument(
            _flag(name),
            help=text + (f" (default: {default})" if shown else ""),
            **(_SWITCH if field.annotation is bool else {"metavar": name.upper()}),
        )
    return parser


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _settings(settings: type[Settings], given: dict[str, Any]) -> Settings:
    """Flags over variables over defaults. A wrong value stops with a sentence that names it."""
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    try:
        return settings(**given)
    except ValidationError as fault:
        wrong = fault.errors(include_url=False)[0]
        name = str(wrong["loc"][0]) if wrong["loc"] else "settings"
        origin = _flag(name) if name in given else f"BRIGHTFIELD_{name.upper()}"
        message = wrong["msg"].removeprefix("Value error, ")
        raise Stop(f"{origin}: {message} (it is {wrong['input']!r}).") from fault
    except SettingsError as fault:
        raise Stop(sentence(fault)) from fault
