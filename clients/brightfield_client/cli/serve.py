"""brightfield serve"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from brightfield_client.cli.exits import OK, SOME_FAILED, Stop, needs_service, sentence

if TYPE_CHECKING:
    from brightfield.settings import Settings

_HELP = "start the service"


def add(commands: Any) -> None:
    """List the command; its flags come from the service's settings, see `run`."""
    commands.add_parser("serve", help=_HELP)


def run(arguments: list[str]) -> int:
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
        flag = f"--{name.replace('_', '-')}"
        text = (field.description or "").replace("%", "%%")
        default = field.get_default()
        if field.annotation is bool:
            switch = argparse.BooleanOptionalAction
            parser.add_argument(flag, action=switch, help=f"{text} (default: {default})")
            continue
        shown = f" (default: {default})" if isinstance(default, str | int | float) else ""
        parser.add_argument(
            flag, metavar=name.upper(), help=text + (shown if default != "" else "")
        )
    return parser


def _settings(settings: type[Settings], given: dict[str, Any]) -> Settings:
    """Flags over variables over defaults. A wrong value stops with a sentence that names it."""
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    try:
        return settings(**given)
    except ValidationError as fault:
        wrong = fault.errors(include_url=False)[0]
        name = str(wrong["loc"][0]) if wrong["loc"] else "settings"
        flag = f"--{name.replace('_', '-')}"
        origin = flag if name in given else f"BRIGHTFIELD_{name.upper()}"
        message = wrong["msg"].removeprefix("Value error, ")
        raise Stop(f"{origin}: {message} (it is {wrong['input']!r}).") from fault
    except SettingsError as fault:
        raise Stop(sentence(fault)) from fault
