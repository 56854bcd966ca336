"""Writing answers as replies: of one image, of a batch, or of several images together."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.responses import Response

from brightfield.api.problems import problem
from brightfield.api.writing.envelope import envelope, together_envelope
from brightfield.api.writing.formats import BINARY, Reply, format_of
from brightfield.api.writing.headers import answer_headers
from brightfield.api.writing.sized import json_reply, smaller_form
from brightfield.engine import Answer, MultiImageAnswer
from brightfield.errors import BrightfieldError
from brightfield.results import MapSpace

ReplyItem = Answer | BrightfieldError


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes a request's answers in the negotiated format."""

    format: str
    reply: Reply
    request_id: str
    max_reply_bytes: int

    def single(self, answer: Answer) -> Response:
        """The answer to a request about one image."""
        if self.format != "json":
            form = format_of(self.format, answer)
            content = form.write(answer, self.reply)
            return Response(content, 200, answer_headers([answer]), form.media_type)
        document = envelope(answer, self.request_id, self._space)
        headers, advice = answer_headers([answer]), smaller_form(answer.result.formats)
        return json_reply(document, self.max_reply_bytes, advice, headers=headers)

    def together(self, answer: MultiImageAnswer) -> Response:
        """One answer about all images; 207 unless all could be read."""
        failed = any(isinstance(image, BrightfieldError) for image in answer.images)
        status = 207 if failed else 200
        if self.format != "json":
            form = BINARY[self.format]
            content = form.write(answer, self.reply)
            return Response(content, status, answer_headers([answer]), form.media_type)
        document = together_envelope(answer, self.request_id, self._space)
        headers, advice = answer_headers([answer]), smaller_form(answer.result.formats)
        return json_reply(document, self.max_reply_bytes, advice, status, headers)

    def batch(self, items: Sequence[ReplyItem]) -> Response:
        """JSON `items`, or a zip by index with `envelopes.json`; 207 unless all succeeded."""
        answers = [item for item in items if isinstance(item, Answer)]
        headers = answer_headers(answers)
        status = 200 if len(answers) == len(items) else 207
        document = {"items": [self._entry(item, index) for index, item in enumerate(items)]}
        if self.format != "json":
            content = self._zip(items, orjson.dumps(document, default=str))
            return Response(content, status, headers, "application/zip")
        advice = smaller_form(answers[0].result.formats if answers else ())
        return json_reply(document, self.max_reply_bytes, advice, status, headers)

    @property
    def _space(self) -> MapSpace:
        return self.reply.space or "input"

    def _entry(self, item: ReplyItem, index: int) -> dict[str, Any]:
        name = f"{self.request_id}.{index}"
        if isinstance(item, BrightfieldError):
            return {"error": problem(item, name)}
        return envelope(item, name, self._space, with_result=self.format == "json")

    def _zip(self, items: Sequence[ReplyItem], listing: bytes) -> bytes:
        digits = len(str(len(items) - 1))
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr("envelopes.json", listing)
            for index, item in enumerate(items):
                if isinstance(item, Answer):
                    form = format_of(self.format, item)
                    name = f"{index:0{digits}d}.{form.suffix}"
                    archive.writestr(name, form.write(item, self.reply))
        return buffer.getvalue()
