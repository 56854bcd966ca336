"""The search for what runs a model fastest: convert, compare, measure, choose."""

from __future__ import annotations

import logging
import shutil
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from brightfield.backend_names import BackendName, Precision
from brightfield.models.inspection.layers import Tap
from brightfield.models.loading.foreign_code import cause
from brightfield.runtime.acceleration.accelerated import Accelerated, FastNetwork
from brightfield.runtime.acceleration.check_images import check_images
from brightfield.runtime.acceleration.conversion import ConversionJob
from brightfield.runtime.acceleration.converting import NotConverted, converted
from brightfield.runtime.acceleration.feature_tap import feature_tap
from brightfield.runtime.acceleration.kept import KeptVerdicts
from brightfield.runtime.acceleration.network import OutputTensors, OutputTree
from brightfield.runtime.acceleration.trial import Compare, Trial
from brightfield.runtime.acceleration.verdict import Attempt, Verdict, eager
from brightfield.runtime.acceleration.wanted import Wanted
from brightfield.runtime.backends import catalog
from brightfield.runtime.backends.inference_backend import InferenceBackend, RunnableNetwork, Source
from brightfield.runtime.operations import Forward
from brightfield.runtime.resident import Resident

log = logging.getLogger(__name__)

# In this order; the next one is tried if the one before is missing, fails or is wrong.
_ORDER: Sequence[BackendName] = ("openvino", "cuda_graphs", "inductor", "eager")
# So much faster than what runs already something must be, to be worth a change.
_WORTH = 1.1


class Gone(Exception):
    """The model isn't in memory any more."""


class Surroundings(NamedTuple):
    """What all searches of a service have in common."""

    kept: KeptVerdicts
    data: Path
    trust_model_code: bool
    threads: int
    room: Callable[[Resident, int], bool]
    stopped: threading.Event


class _Found(NamedTuple):
    attempt: Attempt
    forward: Accelerated


class BackendSearch:
    """One model's search; it holds the model only while that is compared."""

    def __init__(
        self, resident: Resident, wanted: Wanted, compare: Compare, around: Surroundings
    ) -> None:
        self.name = resident.card.id
        self._model = weakref.ref(resident)
        self._device = resident.device
        self._wanted = wanted
        self._compare = compare
        self._around = around
        self._folder = around.kept.folder_of(resident, wanted, around.threads)
        self._features: Tap | None = None
        self._attempts: list[Attempt] = []
        self._made: list[Accelerated] = []
        self._lasting = True

    def run(self) -> None:
        """Let the model run by what was found before, or by what is found now."""
        kept = self._around.kept.verdict(self._folder)
        try:
            if kept is None or not self._resumed(kept):
                self.end(self._searched())
        except Gone:
            log.info("the model %s was dropped before it was prepared", self.name)
        finally:
            self._forget_unused()

    def end(self, verdict: Verdict) -> None:
        """Say what runs the model from now on, and keep it if that is worth it."""
        resident = self._model()
        if resident is not None:
            resident.verdict = verdict
        if verdict.lasting:
            self._around.kept.keep(self._folder, verdict)
        by = f"{verdict.backend} ({verdict.precision})"
        log.info("the model %s is run by %s: %s", self.name, by, verdict.reason)

    # What was found before

    def _resumed(self, kept: Verdict) -> bool:
        if kept.chosen is None:
            self._resident().verdict = kept
            return True
        try:
            self._features = feature_tap(self._resident()) if kept.features else None
            trial = Trial.of(self._resident(), self._forward, self._compare, brief=True)
            forward = self._prepared(trial, kept.backend, kept.precision, kept.one_by_one)
            exact = kept.precision == "fp32"
            holds = all(gap.holds for gap in trial.gaps(forward, exact=exact))
        except Gone:
            raise
        except Exception as fault:
            log.warning("what was prepared for %s can't be used: %s", self.name, cause(fault))
            holds = False
        if not holds or not self._use(forward):
            self._around.kept.forget(self._folder)
            return False
        self._resident().verdict = kept
        return True

    # What is found now

    def _searched(self) -> Verdict:
        self._resident().verdict = Verdict(
            progress="preparing", reason="Other backends are being tried."
        )
        self._features = feature_tap(self._resident())
        best = None
        for name in _ORDER:
            if self._wanted.backend not in ("auto", name):
                continue
            found = list(self._tried(name, catalog()[name]))
            best = self._best(found)
            if found:  # it is right, if no faster; others would take minutes to compile
                break
        if best is None:
            return eager(self._why_not, self._in_order, lasting=self._lasting)
        if not self._use(best.forward):
            why = "The memory budget has no room for it beside the model."
            return eager(why, self._in_order, lasting=False)
        return self._chosen(best)

    @property
    def _why_not(self) -> str:
        if not self._attempts:
            return f"{self._wanted.backend} has no {self._wanted.precision} here."
        return " ".join(
            f"{each.backend}{f' ({each.precision})' if each.precision else ''}: {each.reason}"
            for each in self._in_order
        )

    @property
    def _in_order(self) -> Sequence[Attempt]:
        precisions = (None, "fp32", "bf16", "fp16")
        order = lambda each: (_ORDER.index(each.backend), precisions.index(each.precision))  # noqa: E731
        return sorted(self._attempts, key=order)

    def _chosen(self, best: _Found) -> Verdict:
        found, network = best.attempt, best.forward.network
        return Verdict(
            backend=found.backend,
            precision=found.precision or "fp32",
            progress="settled",
            reason=f"It is {found.faster:.2g} times as fast here, and close enough.",
            attempts=tuple(self._in_order),
            one_by_one=network.one_by_one,
            features=network.features is not None,
            lasting=self._lasting,
        )

    def _best(self, found: Sequence[_Found]) -> _Found | None:
        """The first that is worth it, or a later one that beats it clearly; notes of the others why
        they aren't used."""
        best: _Found | None = None
        for each in found:
            reason = None
            if not self._worth(each, best):
                reason = "It isn't clearly faster."
            elif best is not None:
                self._note(best.attempt, "A lower precision is close enough, and faster.")
            self._attempts.append(each.attempt if reason is None else each.attempt.because(reason))
            best = each if reason is None else best
        return best

    def _note(self, attempt: Attempt, reason: str) -> None:
        self._attempts[self._attempts.index(attempt)] = attempt.because(reason)

    def _worth(self, found: _Found, best: _Found | None) -> bool:
        if best is None and self._wanted.backend == found.attempt.backend:
            return True  # it is asked for
        least = _WORTH * (1.0 if best is None else best.attempt.faster or 1.0)
        return (found.attempt.faster or 0.0) >= least

    def _tried(self, name: BackendName, backend: InferenceBackend) -> Iterator[_Found]:
        """What the backend offers that is close enough; the reasons of all else are noted."""
        lacking = backend.lacking(self._device)
        if lacking is not None:
            self._attempts.append(Attempt(name, reason=lacking))
            return
        precisions = [p for p in backend.precisions(self._device) if self._offered(name, p)]
        for rows in self._example_rows(backend):
            if not precisions or not self._converted(name, backend, rows):
                return
            right = False
            for precision in precisions:
                found = self._compared(name, precision, one_by_one=rows == 1)
                if found is not None:
                    right = True
                    yield found
                elif precision == "fp32":
                    break  # less precision doesn't make it right
            if right:
                return

    def _offered(self, name: BackendName, precision: Precision) -> bool:
        """Whether it is asked for, or more exact than that, and isn't the model as it is."""
        asked = self._wanted.precision in ("auto", precision) or precision == "fp32"
        return asked and (name, precision) != ("eager", "fp32")

    def _example_rows(self, backend: InferenceBackend) -> Sequence[int]:
        """Several first, so that the number of rows isn't taken for a constant; alone if that was
        no use."""
        if not backend.converts:
            return (2,)
        return (1,) if self._resident().row_limit == 1 else (2, 1)

    def _converted(self, name: BackendName, backend: InferenceBackend, rows: int) -> bool:
        folder = self._folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        if not backend.converts:
            return True
        try:
            converted(self._job(name, folder, rows), self._around.stopped)
        except NotConverted as fault:
            self._lasting = self._lasting and fault.lasting
            self._attempts.append(Attempt(name, reason=f"It can't be converted: {fault}"))
            return False
        return True

    def _job(self, name: BackendName, folder: Path, rows: int) -> ConversionJob:
        resident = self._resident()
        images = check_images(resident.card.input, resident.shape, resident.input_sizes)
        return ConversionJob(
            backend=name,
            card=resident.card.folder,
            digest=resident.digest or "",
            data=self._around.data,
            trust_model_code=self._around.trust_model_code,
            device=str(self._device),
            rewrite=resident.scores,
            features=self._features,
            form=resident.form,
            dtype=resident.dtype,
            example=images[0][:rows].clone(),
            folder=folder,
        )

    def _compared(
        self, name: BackendName, precision: Precision, *, one_by_one: bool
    ) -> _Found | None:
        """The pass, if its outputs are close enough to the model's."""
        try:
            trial = Trial.of(self._resident(), self._forward, self._compare)
            forward = self._prepared(trial, name, precision, one_by_one)
            gaps = tuple(trial.gaps(forward, exact=precision == "fp32"))
            if not all(gap.holds for gap in gaps):
                reason = "Its answers differ too much from the model's."
                self._attempts.append(Attempt(name, precision, None, gaps, reason))
                return None
            return _Found(Attempt(name, precision, trial.faster(forward), gaps), forward)
        except Gone:
            raise
        except Exception as fault:
            log.info("%s can't run %s with %s", name, self.name, precision, exc_info=fault)
            self._attempts.append(Attempt(name, precision, reason=f"It fails: {cause(fault)}"))
            return None

    # Both

    @property
    def _forward(self) -> Forward:
        return Forward(self._resident().scores)

    def _prepared(
        self, trial: Trial, name: BackendName, precision: Precision, one_by_one: bool
    ) -> Accelerated:
        resident = trial.resident
        prepared = self._runnable(resident, name, precision)
        tree = OutputTree.of(trial.output(trial.forward, trial.photographs[:1]))
        network = FastNetwork(name, precision, prepared, tree, one_by_one, self._features)
        fast = Accelerated(resident.scores, network=network)
        self._made.append(fast)
        network.features_agree = trial.features_agree(fast)
        return fast

    def _runnable(
        self, resident: Resident, name: BackendName, precision: Precision
    ) -> RunnableNetwork:
        module = OutputTensors(resident.module, resident.scores, self._features)
        source = Source(module, self._folder / name, self._device, self._around.threads)
        return catalog()[name].prepare(source, precision)

    def _forget_unused(self) -> None:
        """Let go of what was tried: its memory would be held by what its batches have cost."""
        resident = self._model()
        for forward in self._made if resident else ():
            if resident is not None and forward is not resident.accelerated:
                resident.sizes.forget(forward)
        self._made.clear()

    def _use(self, forward: Accelerated) -> bool:
        """Let requests run by it, if there is room in memory."""
        resident = self._resident()
        if not self._around.room(resident, forward.network.prepared.size_bytes):
            return False
        network = forward.network  # anew, without kernels for all the shapes of the trial
        network.prepared = self._runnable(resident, network.backend, network.precision)
        resident.warm_up(forward)
        resident.accelerated = forward
        return True

    def _resident(self) -> Resident:
        resident = self._model()
        if resident is None or self._around.stopped.is_set():
            raise Gone
        return resident
