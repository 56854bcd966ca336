"""What every plot is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from brightfield.reports.report import Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Plot(ABC):
    """A way of showing a report; a file with a subclass is a plot of that name."""

    tasks: ClassVar[tuple[str, ...]]
    """The tasks whose reports can have it."""
    rank: ClassVar[int]
    """Plots of lower rank come first."""

    def refusal(self, report: Report) -> str | None:
        """Why the report doesn't have this plot; None if it has it."""
        if report["task"] not in self.tasks:
            return f"it is for {' and '.join(self.tasks)}"
        return self.lacks(report)

    @abstractmethod
    def lacks(self, report: Report) -> str | None:
        """What a report of the right task lacks, so there is nothing to show."""

    @abstractmethod
    def title(self, report: Report) -> str:
        """A heading of a few words."""

    @abstractmethod
    def says(self, report: Report) -> str:
        """The plot in words, for people who cannot see it."""

    def size(self, report: Report) -> tuple[float, float]:
        """Width and height in inches."""
        return 5.6, 5.0

    @abstractmethod
    def draw(self, report: Report, figure: Figure) -> None:
        """Draw into an empty figure."""
