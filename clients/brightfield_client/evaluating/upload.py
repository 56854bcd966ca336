"""Finished chunks on their way to the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from brightfield_client.calls.call import Call, path_of
from brightfield_client.calls.reading import nothing
from brightfield_client.errors import ConflictError, TooLargeError, UnprocessableError
from brightfield_client.evaluating.plan import Chunk, EvaluationPlan
from brightfield_client.exchange import Policy, Steps
from brightfield_client.results.runs import EvaluationRun


@dataclass(frozen=True)
class ChunkUpload:
    """Puts the chunks one after another; one that is refused is noted in the plan."""

    plan: EvaluationPlan
    run: EvaluationRun
    chunks: Sequence[Chunk]

    def steps(self, policy: Policy) -> Steps[None]:
        for chunk in self.chunks:
            path = path_of("/metrics/runs/{}/chunks/{}", self.run, chunk.key)
            try:
                yield from Call("PUT", path, nothing).with_json(chunk.body).steps(policy)
            except ConflictError as fault:
                # Another writer had the same chunk first; its scores may differ in the last digit.
                if fault.code != "chunk_conflict":
                    self.plan.refused(chunk, fault)
            except (UnprocessableError, TooLargeError) as fault:
                self.plan.refused(chunk, fault)
