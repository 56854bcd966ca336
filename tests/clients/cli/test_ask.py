"""ask --together: one question about all files, and one answer."""

from __future__ import annotations

import json

import httpx2
import pytest

from brightfield_client.cli import main


@pytest.fixture
def service(fake, enveloped):
    """Answers once about all images of a request, and names one that it could not read."""

    def reply(request):
        if request.url.params.get("format") == "png":
            return httpx2.Response(200, content=b"sheet", headers={"Content-Type": "image/png"})
        # No digits of base 16 alone, which may come in the boundary of a form.
        failed = request.content.count(b"unreadable") * [{"index": 1, "error": {"status": 400}}]
        if request.url.path == "/each":
            return httpx2.Response(200, json={"items": [enveloped({"n": 1}), *failed]})
        return httpx2.Response(200, json=enveloped({"n": 2}, "count"))

    fake.reply = reply
    return fake


def test_the_answer_is_one_line(service, images, capsys):
    assert main(["ask", "count", str(images), "--together", "--set", "least=3"]) == 0
    (asked,) = service.requests
    assert (asked.url.path, dict(asked.url.params)) == ("/count", {"least": "3"})
    assert (asked.content.count(b"one"), asked.content.count(b"two")) == (1, 1)
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["result"] == {"n": 2}


def test_a_binary_format_goes_to_the_file(service, images, tmp_path, capsys):
    words = ["ask", "count", str(images), "--together", "--format", "png"]
    assert main([*words, "--out", "sheet.png"]) == 0
    assert (tmp_path / "sheet.png").read_bytes() == b"sheet"
    assert capsys.readouterr().out == "sheet.png: count of 2 images\n"
    assert main(words) == 2
    assert "say where with --out" in capsys.readouterr().err


def test_an_image_without_an_answer_is_1(service, images, capsys):
    assert main(["ask", "each", str(images), "--together"]) == 0
    (images / "c.png").write_bytes(b"unreadable")
    assert main(["ask", "each", str(images), "--together"]) == 1
    assert len(json.loads(capsys.readouterr().out.splitlines()[-1])["items"]) == 2


def test_the_help_says_what_it_does(capsys):
    with pytest.raises(SystemExit):
        main(["ask", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "one question about all files in one request" in said
