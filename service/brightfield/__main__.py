"""Starting the service: `brightfield serve`, or `python -m brightfield serve`."""

from __future__ import annotations

import sys

from brightfield import commands


def main() -> int:
    """`python -m brightfield` starts the service; with arguments it is `brightfield` with them, as
    far as the service's own commands go."""
    arguments = sys.argv[1:] or ["serve"]
    try:
        code = commands.run(arguments)
        if code is None:
            known = ", ".join(" ".join(words) for words in commands.catalog())
            raise ValueError(f"{arguments[0]!r} is no command of the service; there are: {known}.")
    except (ValueError, OSError) as fault:
        print(f"brightfield: {fault}", file=sys.stderr)
        return 2
    return code


if __name__ == "__main__":
    sys.exit(main())
