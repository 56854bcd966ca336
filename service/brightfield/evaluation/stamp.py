"""What a report rests on: what its sender says of it, and when and by which version it was made."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from brightfield import __version__
from brightfield.metrics.evaluation import Evaluation


def stamp(evaluation: Evaluation, seconds: float) -> dict[str, Any]:
    """`made` on the day of so many seconds since 1970, and `about` where it was given."""
    date = datetime.fromtimestamp(seconds, UTC).date().isoformat()
    made = {"made": {"brightfield": __version__, "date": date}}
    return made if evaluation.about is None else {"about": evaluation.about, **made}
