"""Builds the pages that the service shows at /docs/guide: these pages, and a reference of the SDK.

    python docs/guide                 into the package, where the service and a wheel find them
    python docs/guide --to FOLDER     elsewhere

Needs `pip install '.[docs]'` and no network; the built pages need none either.
"""

from __future__ import annotations

import sys

from site_builder import main

sys.exit(main())
