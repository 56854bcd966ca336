"""What the JSON says beside a result, as headers for every reply, binary ones too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from brightfield.api.writing.facts import AnswerFacts


def answer_headers(facts: Sequence[AnswerFacts[Any]]) -> dict[str, str]:
    """Headers: the model, the codes of the warnings, and the time per stage over all images; of a
    single one also the numbers of its result, as `X-PSNR`, and what it is about, as `X-Target`."""
    if not facts:
        return {}
    answers = [each.answer for each in facts]
    headers = {"X-Model": f"{answers[0].card.id}@{answers[0].card.version}"}
    codes = dict.fromkeys(note.code for answer in answers for note in answer.notes)
    if codes:
        headers["X-Image-Warnings"] = ", ".join(codes)
    if len(answers) == 1:
        headers |= {
            f"X-{name.upper()}": f"{n:.6g}" for name, n in answers[0].result.numbers.items()
        } | facts[0].headers
    total = dict(answers[0].timing.seconds)
    for answer in answers[1:]:
        for stage, value in answer.timing.seconds.items():
            total[stage] = total.get(stage, 0.0) + value
    headers["Server-Timing"] = ", ".join(
        [f"{stage};dur={1e3 * value:.2f}" for stage, value in total.items()]
    )
    return headers
