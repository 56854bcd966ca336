"""What commands about reports share: what is required, and how it is shown and ends the command."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from brightfield_client.cli.command import REPEATED, flag
from brightfield_client.cli.exits import OK, OUTCOMES, Stop
from brightfield_client.client import Client
from brightfield_client.results.evaluation import Comparison, Evaluation

_SUFFIXES = (".html", ".csv", ".json", ".xml", ".md", ".svg", ".png")
_SEVERAL: dict[str, Any] = {"action": "append"}
_REQUIRE = "what a number must reach, as 'auroc>=0.9' or 'auroc@lower>=0.9'; may be repeated"
_OUT = ".html a page, .csv a table, .json, .xml JUnit, .md Markdown, .svg, .png; may be repeated"
_OPTION = "an option of the report, as operating_point=youden or ci.level=0.9; may be repeated"


def _file(text: str) -> Path:
    if Path(text).suffix.lower() not in _SUFFIXES:
        raise Stop(f"--out ends in one of {', '.join(_SUFFIXES)}, not as {text!r}.")
    return Path(text)


OPTIONS = flag("--option NAME=VALUE", _OPTION, **REPEATED)
BASELINE = flag("--baseline RUN", "name or id of a run that this must not be worse than")
TOLD = (
    flag("--require REQUIREMENT", _REQUIRE, **_SEVERAL),
    flag("--out FILE", _OUT, _file, **_SEVERAL),
    flag("--json", "all that the service says, as JSON; the rest goes to standard error"),
)
"""The flags of what is required, and of how a report is shown."""


def run_of(client: Client, name: Any) -> Any:
    """The run of a name, else what is taken for its id; None is no run."""
    return name and next(iter(client.runs(name=name)), name)


def tell(args: argparse.Namespace, report: Evaluation | Comparison, last: str = "") -> int:
    """Write and print a report, and return the exit code of what was required."""
    for file in args.out or ():
        report.save(file)
    if args.json:
        print(report.to_json())
    lines = [
        f"{name:<20}{each}" for name, each in report.metrics.items() if "undef" not in f"{each}"
    ]
    lines += [f"note: {warning.detail}" for warning in report.warnings]
    for each in report.requirements:
        lines.append(f"{each.outcome.replace('_', ' ')}: {each.requirement}: {each.detail}")
    where = sys.stderr if args.json else sys.stdout
    print(*lines, *([last] if last else []), sep="\n", file=where)
    codes = (OUTCOMES[e.outcome] for e in report.requirements if e.outcome in OUTCOMES)
    return min(codes, default=OK)
