"""What a reply says of itself: in its headers, in the files that hold it, and in its legend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import quote

from brightfield.engine import Answer, MultiImageAnswer

# Printable ASCII, but for what separates several values and what escapes.
_PLAIN = " !\"#$&'()*+-./:;<=>?@[\\]^_`{|}~"


_PICTURES = ("png", "overlay")

A = TypeVar("A", bound=Answer | MultiImageAnswer)


@dataclass(frozen=True)
class AnswerFacts(Generic[A]):
    """Facts about an answer by their names, in the order in which they are read.

    `file` is the name of the image's file, None where nobody told it; `method` that of a method
    that explained; `format` what the answer is written in.
    """

    answer: A
    file: str | None = None
    method: str | None = None
    format: str = "json"

    @property
    def texts(self) -> dict[str, str]:
        """Every fact: `Software`, `Task`, `Method`, `Model`, `Target`, `Layer`, `Scale`, `File`,
        `SHA256`, `Plane`, `Region`, as far as each is known."""
        answer = self.answer
        return {
            "Software": "Brightfield",
            "Task": answer.task,
            **self._own,
            "Model": f"{answer.card.id}@{answer.card.version}",
            **({} if self.file is None else {"File": self.file}),
            **_of_image(answer),
        }

    @property
    def headers(self) -> dict[str, str]:
        """`X-Method`, `X-Target`, `X-Layer`, `X-Scale`, `X-Plane` and `X-Region`; what isn't ASCII
        is percent-encoded UTF-8."""
        facts = {**self._own, **_of_image(self.answer)}
        facts.pop("SHA256", None)
        return {f"X-{name}": quote(text, safe=_PLAIN + ",") for name, text in facts.items()}

    @property
    def title(self) -> tuple[str, ...]:
        """The lines of a legend."""
        texts = self.texts
        how = texts.get("Method", texts["Task"]).replace("_", " ")
        what = ": ".join((how, texts["Target"])) if "Target" in texts else how
        what += f", layer {texts['Layer']}" if "Layer" in texts else ""
        where = [texts[name] for name in ("File", "Plane", "Region") if name in texts]
        return tuple(line for line in (what, texts["Model"], ", ".join(where)) if line)

    @property
    def _own(self) -> dict[str, str]:
        """What the method and the result say."""
        result = self.answer.result
        own = {**result.about, **(result.colors if self.format in _PICTURES else {})}
        about = {name.title(): text for name, text in own.items()}
        return about if self.method is None else {"Method": self.method, **about}


def _of_image(answer: Answer | MultiImageAnswer) -> dict[str, str]:
    """Which image it is, which plane of its file, and which part of that."""
    if isinstance(answer, MultiImageAnswer):
        return {}
    facts = {"SHA256": answer.picture.sha256}
    known = answer.picture.address.known
    if known:
        facts["Plane"] = "; ".join(f"{name}={_numbers(part)}" for name, part in known.items())
    if (region := answer.region) is not None:
        facts["Region"] = f"{region.x},{region.y},{region.width},{region.height}"
    return facts


def _numbers(part: int | tuple[int, ...]) -> str:
    return ",".join(map(str, part)) if isinstance(part, tuple) else str(part)
