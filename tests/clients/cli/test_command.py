"""Every parameter of an endpoint is a flag of its command, of the service's type."""

from __future__ import annotations

import httpx2
import pytest

from brightfield_client.calls import _parameters
from brightfield_client.cli import main
from brightfield_client.cli.parser import COMMANDS

ASKING = [command for command in COMMANDS if command.endpoints]


@pytest.mark.parametrize("command", ASKING, ids=lambda command: command.name)
def test_every_parameter_is_a_flag(command, capsys):
    with pytest.raises(SystemExit):
        main([command.name, "--help"])
    words = {word.strip("[],") for word in capsys.readouterr().out.split()}
    for endpoint in command.endpoints.split():
        given = getattr(_parameters, f"{endpoint.capitalize()}Parameters").__annotations__
        for name in set(given) - set(_parameters.ImageParameters.__annotations__):
            dashes = "-" if len(name) == 1 else "--"
            assert f"{dashes}{name.replace('_', '-')}" in words


def test_what_is_given_is_asked(fake, images):
    fake.reply = lambda _: httpx2.Response(400, json={"code": "no", "detail": "Enough."})
    image = str(images / "a.png")
    for line, asked in (
        ("--method rise --masks 30 -p 0.5", {"masks": "30", "p": "0.5", "method": "rise"}),
        ("--checks --method grad_cam", {"checks": "true", "method": "grad_cam"}),
    ):
        assert main(["explain", image, *line.split()]) == 2
        assert dict(fake.last.url.params) == {**asked, "format": "overlay"}


@pytest.mark.parametrize("wrong", ["--masks many", "--border thick", "-p half"])
def test_a_value_of_another_type_is_refused(images, capsys, wrong):
    with pytest.raises(SystemExit):
        main(["explain", str(images / "a.png"), *wrong.split()])
    assert wrong.split()[0] in capsys.readouterr().err
