"""A progress bar on a terminal or in a notebook."""

from __future__ import annotations

import sys

from tqdm.auto import tqdm


class ProgressBar(tqdm):  # type: ignore[type-arg]
    """Done of total, in one line on a terminal, as a widget in a notebook; in a log or a pipe it
    stays silent."""

    monitor_interval = 0  # no thread of its own

    def __init__(self, title: str, total: int = 0, *, shown: bool = True) -> None:
        # A notebook's standard error is no terminal, and shows a bar all the same.
        there = False if type(sys.stderr).__module__.startswith("ipykernel") else None
        super().__init__(desc=title, total=total or None, disable=there if shown else True)

    def reached(self, done: int, total: int) -> None:
        """Set how much is done of what is now the total."""
        self.total = total
        self.update(done - self.n)
