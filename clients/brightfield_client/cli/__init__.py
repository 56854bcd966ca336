"""The command `brightfield`: serve, and ask a service from the shell."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from brightfield import commands


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; what goes wrong is one sentence on stderr."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    try:
        code = commands.run(arguments)
        if code is None:  # one of the client's, which a service that starts does without
            from brightfield_client.cli.parser import parser

            args = parser().parse_args(arguments)
            code = int(args.command.run(args))
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader has seen enough, as `head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as fault:
        from brightfield_client.cli.exits import complain, verdict

        found = verdict(fault)
        if found is None:
            raise
        complain(found)
        return found.code
    return code
