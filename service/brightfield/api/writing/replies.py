"""Writing answers as replies: of one image, of a batch, or of several images together."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.responses import Response

from brightfield.api.problems import problem
from brightfield.api.writing.envelope import envelope, facts, together_envelope
from brightfield.api.writing.formats import BINARY, Reply, ReplyFormat, format_of
from brightfield.api.writing.sized import json_reply
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
        if self.format == "json":
            return self._json(envelope(answer, self.request_id, self._space), [answer])
        return self._binary(format_of(self.format, answer), answer)

    def together(self, answer: MultiImageAnswer) -> Response:
        """One answer about all images; 207 unless all could be read."""
        failed = any(isinstance(image, BrightfieldError) for image in answer.images)
        status = 207 if failed else 200
        if self.format == "json":
            document = together_envelope(answer, self.request_id, self._space)
            return self._json(document, [answer], status)
        return self._binary(BINARY[self.format], answer, status)

    def batch(self, items: Sequence[ReplyItem]) -> Response:
        """JSON `items`, or a zip by index with `envelopes.json`; 207 unless all succeeded."""
        answers = [item for item in items if isinstance(item, Answer)]
        status = 200 if len(answers) == len(items) else 207
        document = {"items": [self._entry(item, index) for index, item in enumerate(items)]}
        if self.format == "json":
            return self._json(document, answers, status)
        content = self._zip(items, orjson.dumps(document, default=str))
        return Response(content, status, facts(answers), "application/zip")

    def _json(
        self,
        document: Mapping[str, Any],
        answers: Sequence[Answer | MultiImageAnswer],
        status: int = 200,
    ) -> Response:
        advice = _advice(answers)
        return json_reply(document, self.max_reply_bytes, advice, status, facts(answers))

    def _binary(
        self, form: ReplyFormat, answer: Answer | MultiImageAnswer, status: int = 200
    ) -> Response:
        content = form.write(answer, self.reply)
        return Response(content, status, facts([answer]), form.media_type)

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


def _advice(answers: Sequence[Answer | MultiImageAnswer]) -> str:
    """What to ask for where the JSON is too large."""
    offered = answers[0].result.formats if answers else ()
    smaller = next((name for name in ("npy", "tiff", "csv") if name in offered), None)
    return f"ask for format={smaller}" if smaller else "ask for fewer images at once"
