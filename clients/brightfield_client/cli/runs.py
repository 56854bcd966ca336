"""brightfield runs and brightfield metrics"""

from __future__ import annotations

import argparse
from pathlib import Path

from brightfield_client.cli.command import CONNECTION, Command, flag
from brightfield_client.cli.connect import connect
from brightfield_client.cli.exits import OK
from brightfield_client.cli.models import show_list
from brightfield_client.cli.reports import BASELINE, OPTIONS, TOLD, run_of, tell


def _list(args: argparse.Namespace) -> int:
    with connect(args) as client:
        show_list(args, ("id", "task", "rows", "chunks", "name"), client.runs(limit=args.limit))
    return OK


def _show(args: argparse.Namespace) -> int:
    with connect(args) as client:
        run, base = (run_of(client, name) for name in (args.run, args.baseline))
        return tell(args, client.run_report(run, require=args.require, baseline=base))


def _compare(args: argparse.Namespace) -> int:
    with connect(args) as client:
        a, b = (run_of(client, name) for name in (args.a, args.b))
        return tell(args, client.compare_runs(a, b, require=args.require))


def _delete(args: argparse.Namespace) -> int:
    with connect(args) as client:
        for name in args.runs:
            client.delete_run(run_of(client, name))
    return OK


def _metrics(args: argparse.Namespace) -> int:
    asked = {"task": args.task, **dict(args.option), "require": args.require}
    with connect(args) as client:
        return tell(args, client.metrics(args.file, **asked))


_LISTED = (
    flag("--limit N", "at most so many (%(default)s)", int, default=100),
    flag("--json", "all that the service says, as JSON"),
)
_COMPARED = (flag("a A"), flag("b B"), *TOLD)
_FILE = flag("file FILE", "CSV or NPZ with truth and scores, or JSON", Path)
_TASK = flag("--task TASK", "if JSON doesn't name it (%(default)s)", default="classification")
_SHOWN = (flag("run RUN"), BASELINE, *TOLD)
_DELETED = (flag("runs RUN", nargs="+"),)

RUNS = Command(
    "runs",
    "list, show, compare and delete evaluation runs",
    description="Evaluation runs at the service, by their names or ids. Of a comparison "
    "--require bounds a difference, and a bare name must not be significantly worse in A.",
    shared=(),
    actions=(
        Command("list", "the runs, the newest first", _list, _LISTED, shared=CONNECTION),
        Command("show", "the report of a run", _show, _SHOWN, shared=CONNECTION),
        Command("compare", "how A differs from B", _compare, _COMPARED, shared=CONNECTION),
        Command("delete", "delete runs", _delete, _DELETED, shared=CONNECTION),
    ),
)
METRICS = Command(
    "metrics",
    "how good the predictions in a file are; no model is asked",
    _metrics,
    (_FILE, _TASK, OPTIONS, *TOLD),
    shared=CONNECTION,
)
