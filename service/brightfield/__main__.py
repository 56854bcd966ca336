"""Starting the service: `brightfield serve`, or `python -m brightfield`."""

from __future__ import annotations

import sys

from pydantic import ValidationError

from brightfield.api.logs import configure
from brightfield.errors import BrightfieldError
from brightfield.serving.certificate import check_certificate
from brightfield.serving.supervisor import supervise
from brightfield.settings import Settings


def serve(settings: Settings) -> int:
    """Run the service until it is asked to stop; the exit code.

    Raises `ValueError` with one sentence where nobody can listen at the address, or the
    certificate can't be used.
    """
    configure(settings)
    check_certificate(settings)
    return supervise(settings)


def main() -> int:
    try:
        return serve(Settings())
    except ValidationError as fault:
        for error in fault.errors():
            print(f"{error['loc'][0]}: {error['msg']}", file=sys.stderr)
        return 2
    except (BrightfieldError, ValueError) as fault:
        print(fault, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
