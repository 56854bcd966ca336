"""What a browser may do with a page that the service shows: the policy names all that it runs."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256

_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


def page_policy(page: bytes) -> str:
    """Runs the files and the lines within the page, and asks the service alone."""
    digests = (b64encode(sha256(code).digest()).decode() for code in _SCRIPT.findall(page))
    lines = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src 'self' {lines}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
