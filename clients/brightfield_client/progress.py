"""A progress bar on a terminal."""

from __future__ import annotations

from tqdm import tqdm


class ProgressBar(tqdm):  # type: ignore[type-arg]
    """Done of total, in one line on a terminal; in a log or a pipe it stays silent."""

    monitor_interval = 0  # no thread of its own

    def __init__(self, title: str, total: int = 0, *, shown: bool = True) -> None:
        super().__init__(desc=title, total=total or None, disable=None if shown else True)

    def reached(self, done: int, total: int) -> None:
        """Set how much is done of what is now the total."""
        self.total = total
        self.update(done - self.n)
