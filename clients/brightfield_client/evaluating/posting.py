"""Finished chunks on their way to the run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from brightfield_client.calls.call import Call
from brightfield_client.errors import ConflictError, TooLargeError, UnprocessableError
from brightfield_client.evaluating.plan import Document, Plan
from brightfield_client.exchange import Policy, Steps
from brightfield_client.results.runs import EvaluationRun


@dataclass(frozen=True)
class Posting:
    """Puts the chunks one after another; one that is refused is noted in the plan."""

    plan: Plan
    run: EvaluationRun
    documents: Sequence[Document]

    def steps(self, policy: Policy) -> Steps[None]:
        for document in self.documents:
            try:
                yield from _put(self.run.id, document.key, document.body).steps(policy)
            except ConflictError as fault:
                # Another writer had the same chunk first; its scores may differ in the last digit.
                if fault.code != "chunk_conflict":
                    self.plan.refused(document, fault)
            except (UnprocessableError, TooLargeError) as fault:
                self.plan.refused(document, fault)


def _put(run_id: str, key: str, body: Mapping[str, Any]) -> Call[None]:
    call = Call("PUT", f"/metrics/runs/{quote(run_id, safe='')}/chunks/{key}", lambda _: None)
    content = json.dumps(body).encode()
    return replace(call, headers={"Content-Type": "application/json"}, content=content)
