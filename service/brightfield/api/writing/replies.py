"""Writing answers as replies: of one image, of a batch, or of several images together."""

from __future__ import annotations

import io
import re
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

import orjson
from starlette.responses import Response

from brightfield.api.problems import problem
from brightfield.api.writing.envelope import envelope, together_envelope
from brightfield.api.writing.facts import AnswerFacts
from brightfield.api.writing.formats import BINARY, Reply, format_of
from brightfield.api.writing.headers import answer_headers
from brightfield.api.writing.sized import json_reply, smaller_form
from brightfield.engine import Answer, MultiImageAnswer
from brightfield.errors import BrightfieldError
from brightfield.images.annotations import coco
from brightfield.images.picture import Note
from brightfield.results import MapSpace

ReplyItem = Answer | BrightfieldError
ToldItem = AnswerFacts[Answer] | BrightfieldError

_DATASET = "coco.json"
# What the names of files may not hold on one system or another.
_UNSAFE = re.compile(r'[\x00-\x1f<>:"|?*]')


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes a request's answers in the negotiated format; `method` is what explained, if something
    did."""

    format: str
    reply: Reply
    request_id: str
    max_reply_bytes: int
    method: str | None = None

    def single(self, answer: Answer, name: str | None = None) -> Response:
        """The answer to a request about one image, whose file has this name."""
        facts = self._facts(answer, name)
        answer, headers = facts.answer, answer_headers([facts])
        if self.format != "json":
            form = format_of(self.format, answer)
            content = form.write(answer, self.reply, facts)
            return Response(content, 200, headers, form.media_type)
        document = envelope(answer, self.request_id, self._space, name=name)
        advice = smaller_form(answer.result.formats)
        return json_reply(document, self.max_reply_bytes, advice, headers=headers)

    def together(self, answer: MultiImageAnswer, names: Sequence[str | None]) -> Response:
        """One answer about all images; 207 unless all could be read."""
        failed = any(isinstance(image, BrightfieldError) for image in answer.images)
        answer = replace(answer, result=answer.result.named(names))
        status, facts = 207 if failed else 200, AnswerFacts(answer, None, self.method, self.format)
        if self.format != "json":
            form = BINARY[self.format]
            content = form.write(answer, self.reply, facts)
            return Response(content, status, answer_headers([facts]), form.media_type)
        document = together_envelope(answer, self.request_id, self._space, names)
        headers, advice = answer_headers([facts]), smaller_form(answer.result.formats)
        return json_reply(document, self.max_reply_bytes, advice, status, headers)

    def batch(self, items: Sequence[ReplyItem], names: Sequence[str | None]) -> Response:
        """JSON `items`, or a zip with `envelopes.json`; 207 unless all succeeded."""
        told: list[ToldItem] = [
            self._facts(item, name) if isinstance(item, Answer) else item
            for item, name in zip(items, names, strict=True)
        ]
        known = [facts for facts in told if isinstance(facts, AnswerFacts)]
        headers = answer_headers(known)
        status = 200 if len(known) == len(items) else 207
        entries = [self._entry(item, index) for index, item in enumerate(told)]
        if self.format != "json":
            content = self._zip(told, entries, member_names(names))
            return Response(content, status, headers, "application/zip")
        advice = smaller_form(known[0].answer.result.formats if known else ())
        return json_reply({"items": entries}, self.max_reply_bytes, advice, status, headers)

    @property
    def _space(self) -> MapSpace:
        return self.reply.space or "input"

    def _facts(self, answer: Answer, name: str | None) -> AnswerFacts[Answer]:
        """The answer as it is written: placed in a larger image, where that is asked for."""
        if self.reply.places:
            placed = answer.result.in_larger(self.reply.offset, self.reply.downsample)
            answer = replace(answer, result=placed)
        remarks = answer.result.left_out(self.format)
        if remarks:
            notes = (Note(remark.code, remark.detail) for remark in remarks)
            answer = replace(answer, notes=(*answer.notes, *notes))
        return AnswerFacts(answer, name, self.method, self.format)

    def _entry(self, item: ToldItem, index: int) -> dict[str, Any]:
        name = f"{self.request_id}.{index}"
        if isinstance(item, BrightfieldError):
            return {"error": problem(item, name)}
        whole = self.format == "json"
        return envelope(item.answer, name, self._space, name=item.file, with_result=whole)

    def _zip(
        self, items: Sequence[ToldItem], entries: Sequence[dict[str, Any]], names: Sequence[str]
    ) -> bytes:
        """A file for each answer, under the name of its image; of COCO one data set of all."""
        buffer = io.BytesIO()
        known = [item for item in items if isinstance(item, AnswerFacts)]
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
            if self.format == "coco":
                sets = [facts.answer.result.coco(facts.file) for facts in known]
                archive.writestr(_DATASET, orjson.dumps(coco.merged(sets)))
            else:
                for item, entry, name in zip(items, entries, names, strict=True):
                    if isinstance(item, AnswerFacts):
                        form = format_of(self.format, item.answer)
                        entry["file"] = f"{name}.{form.suffix}"
                        written = form.write(item.answer, self.reply, item)
                        archive.writestr(entry["file"], written)
            archive.writestr("envelopes.json", orjson.dumps({"items": entries}, default=str))
        return buffer.getvalue()


def member_names(names: Sequence[str | None]) -> list[str]:
    """What the files of an archive are called, without their suffixes, in the order of the images.

    The name of an image's file, in its folder; without its suffix where no other image has the
    same name then, in capitals or not. An image without a name is called by its place, and so is
    the second of one name.
    """
    digits = len(str(len(names) - 1))
    places = [f"{index:0{digits}d}" for index in range(len(names))]
    paths = [_within(name or place) for name, place in zip(names, places, strict=True)]
    stems = Counter(str(path.with_suffix("")).casefold() for path in paths)
    wholes = Counter(str(path).casefold() for path in paths)
    chosen = []
    for path, place in zip(paths, places, strict=True):
        whole, stem = str(path), str(path.with_suffix(""))
        clash = wholes[whole.casefold()] > 1
        alone = stems[stem.casefold()] == 1
        chosen.append(f"{whole}-{place}" if clash else stem if alone else whole)
    return chosen


def _within(name: str) -> PurePosixPath:
    """The path of a name, which leads nowhere out of the archive."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    kept = [_UNSAFE.sub("_", part) for part in parts if part not in ("/", "..", ".")]
    return PurePosixPath(*kept) if kept else PurePosixPath("image")
