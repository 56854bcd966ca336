"""Models that have stopped their device or the whole service, and that are therefore set aside."""

from __future__ import annotations

import json
import logging
import os
import threading
from pathlib import Path

from brightfield.outages import ModelQuarantined

log = logging.getLogger(__name__)

STRIKES = 2
"""So often a model may hang or end the process before it is set aside."""


class Quarantine:
    """What each model has been caught at; from the second time on it is set aside.

    Until somebody loads it anew. The `path` is a JSON file that outlives the process: the one that
    takes over reads it, and the supervisor writes there what the process died of. Without a path
    all is forgotten with the process.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._strikes: dict[str, list[str]] = {}
        if path is not None and path.exists():
            self._strikes = json.loads(path.read_text())

    def strike(self, model: str, reason: str) -> bool:
        """Note what a model did, as "it never returned"; whether it is set aside now."""
        with self._lock:
            reasons = self._strikes.setdefault(model, [])
            reasons.append(reason)
            self._write()
        aside = len(reasons) >= STRIKES
        log.error("model %s: %s%s", model, reason, "; it is quarantined" if aside else "")
        return aside

    def release(self, model: str) -> None:
        """Forget what a model did; it is being loaded anew."""
        with self._lock:
            if self._strikes.pop(model, None) is not None:
                self._write()

    def struck(self, model: str) -> bool:
        """Whether a model was caught at anything since it was last loaded anew."""
        return bool(self._strikes.get(model))

    def reason(self, model: str) -> str | None:
        """Why a model is set aside; None if it isn't."""
        reasons = self._strikes.get(model, [])
        return "; then ".join(reasons) if len(reasons) >= STRIKES else None

    def check(self, model: str) -> None:
        """Raises `ModelQuarantined` for a model that is set aside."""
        reason = self.reason(model)
        if reason is not None:
            raise ModelQuarantined(
                f"The model {model} is set aside: {reason}. Mend it, then load it anew: "
                f"POST /models/{model}/load?anew=true."
            )

    def _write(self) -> None:
        if self._path is not None:
            draft = self._path.with_suffix(".new")
            draft.write_text(json.dumps(self._strikes))
            os.replace(draft, self._path)  # noqa: PTH105 (as everywhere, one call for both systems)
