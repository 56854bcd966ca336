from __future__ import annotations

from pathlib import Path

import pytest

from brightfield.outages import ModelQuarantined
from brightfield.runtime.quarantine import Quarantine


def test_the_second_strike_sets_aside_until_the_model_is_loaded_anew(tmp_path: Path) -> None:
    path = tmp_path / "quarantine.json"
    quarantine = Quarantine(path)
    assert not quarantine.strike("net", "it did not return within 9 s")
    quarantine.check("net")
    assert Quarantine(path).strike("net", "the process ended")
    after = Quarantine(path)  # of the process that takes over
    with pytest.raises(ModelQuarantined, match="within 9 s; then the process ended") as fault:
        after.check("net")
    assert "POST /models/net/load?anew=true" in fault.value.detail
    assert not fault.value.retryable
    after.check("other")
    after.release("net")
    after.check("net")
    assert Quarantine(path).reason("net") is None
