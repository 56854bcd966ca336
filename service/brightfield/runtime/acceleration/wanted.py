"""By what a forward pass may run."""

from __future__ import annotations

from typing import NamedTuple

from brightfield.backend_names import BackendChoice, BackendName, Precision, PrecisionChoice


class Wanted(NamedTuple):
    """The backend and the precision that are asked for; `auto`: whichever is best."""

    backend: BackendChoice = "auto"
    precision: PrecisionChoice = "auto"

    def over(self, other: Wanted) -> Wanted:
        """This, where it says anything; else the other."""
        return Wanted(
            other.backend if self.backend == "auto" else self.backend,
            other.precision if self.precision == "auto" else self.precision,
        )

    def allows(self, backend: BackendName, precision: Precision) -> bool:
        return self.backend in ("auto", backend) and self.precision in ("auto", precision)


ANY = Wanted()
"""Whatever is best."""
