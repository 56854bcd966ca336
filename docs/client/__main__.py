"""Writes what follows from the service's document and from the asynchronous client.

    python docs/client             write the files
    python docs/client --check     say which of them are not current, and exit with 1

From docs/openapi.json and the tables in `calls/endpoints.py` and `plain_calls.py` come the
parameters' types, the image calls, the plain calls, and `submit` and `map` with an overload for
each endpoint; from the asynchronous halves the
synchronous ones, by leaving out what waits; from all modules the package's surface.
"""

from __future__ import annotations

import sys

from generate import main

sys.exit(main())
