"""A key as text, `bf_ID_SECRETCHECKSUM`, and the salted hash that is kept of it.

The secret has 256 random bits, so nobody finds it by trying, however fast the hash is. A slow hash
such as bcrypt is made for passwords, which people choose; here it would only cost every request
100 ms of a core, which is a way to stop the service.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
import zlib
from dataclasses import dataclass, field

_LETTERS = string.ascii_letters + string.digits
_SECRET = 43  # letters of 62: 256 bits
_FORM = re.compile(rf"bf_([a-z0-9]{{8}})_([A-Za-z0-9]{{{_SECRET}}})([0-9a-f]{{8}})")
_ID_LETTERS = string.ascii_lowercase + string.digits
_SALT = 16


@dataclass(frozen=True, slots=True)
class KeyText:
    """A key's two parts; the secret is never shown by accident."""

    id: str
    secret: str = field(repr=False)

    @classmethod
    def new(cls) -> KeyText:
        """A key that nobody can guess."""
        return cls(_random(_ID_LETTERS, 8), _random(_LETTERS, _SECRET))

    @classmethod
    def read(cls, text: str) -> KeyText | None:
        """The key that a text is; None if it isn't one, or is mistyped or cut short."""
        found = _FORM.fullmatch(text)
        if found is None:
            return None
        key = cls(found[1], found[2])
        return key if key._checksum == found[3] else None

    @property
    def text(self) -> str:
        """What is shown once, when the key is made."""
        return f"{self._unchecked}{self._checksum}"

    def digest(self, salt: bytes) -> bytes:
        """The hash that is kept: BLAKE2b of the secret with a salt of 16 bytes."""
        return hashlib.blake2b(
            self.secret.encode(), digest_size=32, salt=salt, person=b"brightfield-key"
        ).digest()

    def is_that_of(self, salt: bytes, digest: bytes) -> bool:
        """Whether the hash is this key's, compared in a time that doesn't depend on it."""
        return hmac.compare_digest(self.digest(salt), digest)

    @property
    def _unchecked(self) -> str:
        return f"bf_{self.id}_{self.secret}"

    @property
    def _checksum(self) -> str:
        """The CRC-32, by which a scanner knows a leaked key, and a typing error is found."""
        return f"{zlib.crc32(self._unchecked.encode()):08x}"


def new_salt() -> bytes:
    """Random bytes to be kept beside a hash."""
    return secrets.token_bytes(_SALT)


def _random(letters: str, count: int) -> str:
    return "".join(secrets.choice(letters) for _ in range(count))
