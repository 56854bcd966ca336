from __future__ import annotations

import httpx2
import pytest

from brightfield_client import ApiError, BrightfieldError, ConnectionFailed, TimedOut, errors

BY_STATUS = {
    400: errors.BadRequestError,
    403: errors.ForbiddenError,
    404: errors.NotFoundError,
    405: errors.MethodNotAllowedError,
    406: errors.NotAcceptableError,
    409: errors.ConflictError,
    413: errors.TooLargeError,
    415: errors.UnsupportedError,
    422: errors.UnprocessableError,
    429: errors.OverloadedError,
    500: errors.InternalError,
    503: errors.UnavailableError,
    504: errors.DeadlineError,
    418: ApiError,
}


@pytest.mark.parametrize(("status", "kind"), BY_STATUS.items())
def test_each_status_has_its_class(client, fake, status, kind):
    problem = {
        "code": "some_code",
        "detail": "Do this.",
        "request_id": "req_7",
        "retryable": False,
        "errors": [{"location": "window", "expected": "at most 4"}],
    }
    headers = {"Content-Type": "application/problem+json"}
    fake.reply = lambda _: httpx2.Response(status, json=problem, headers=headers)
    with pytest.raises(ApiError) as caught:
        client.classify(b"x")
    fault = caught.value
    assert type(fault) is kind
    assert (fault.status, fault.code, fault.detail) == (status, "some_code", "Do this.")
    assert (fault.request_id, fault.retryable) == ("req_7", False)
    assert fault.errors[0]["location"] == "window"
    assert len(fake.requests) == 1


def test_a_proxys_page_becomes_an_error_of_its_status(client, fake, pauses):
    fake.reply = lambda _: httpx2.Response(503, text="<h1>busy</h1>")
    with pytest.raises(errors.UnavailableError) as caught:
        client.classify(b"x")
    assert caught.value.code == "http_503"


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (httpx2.ConnectError("refused"), ConnectionFailed),
        (httpx2.ReadError("reset"), ConnectionFailed),
        (httpx2.ConnectTimeout("slow"), ConnectionFailed),
        (httpx2.ReadTimeout("slow"), TimedOut),
    ],
)
def test_faults_of_the_network(client, fake, pauses, raised, expected):
    def fail(request):
        raised.request = request
        raise raised

    fake.reply = fail
    with pytest.raises(expected, match="http://fake/classify"):
        client.classify(b"x")


def test_another_service_is_named_as_one(client, fake):
    fake.reply = lambda _: httpx2.Response(200, html="<p>hello</p>")
    with pytest.raises(errors.UnexpectedReply, match="Brightfield"):
        client.classify(b"x")


def test_the_drawn_tree_is_the_tree():
    def below(kind):
        return {kind.__name__} | {name for sub in kind.__subclasses__() for name in below(sub)}

    drawn = {line.split()[1] for line in errors.__doc__.splitlines() if "─ " in line}
    assert drawn | {"BrightfieldError"} == below(BrightfieldError)
