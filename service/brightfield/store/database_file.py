"""The file of an SQLite store: whether it is still the one that connections were made to.

SQLite goes on with an open file that was deleted or moved away, and confirms what nobody will ever
read again. So a connection is worth something only as long as its file stands at its path.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import event, exc
from sqlalchemy.engine import Connection, Engine

from brightfield.store import faults

_FILE = "brightfield_file"  # in the info of a connection: device and number of its file


@dataclass(frozen=True, slots=True)
class DatabaseFile:
    """The file at `path`, which was there when the store was opened."""

    path: Path

    def watch(self, engine: Engine) -> None:
        """From now on no connection makes the file anew, none that is open survives its file, and
        nothing is committed to another one."""
        event.listen(engine, "do_connect", self._refuse_if_gone)
        event.listen(engine, "connect", self._remember)
        event.listen(engine, "checkout", self._renew_if_moved)
        event.listen(engine, "commit", self._refuse_if_moved)
        engine.dispose()  # connections that remember no file

    def _identity(self) -> tuple[int, int] | None:
        try:
            facts = self.path.stat()
        except OSError:
            return None
        return facts.st_dev, facts.st_ino

    def _refuse_if_gone(self, *_: object) -> None:
        if self._identity() is None:
            raise faults.missing()

    def _remember(self, _connection: Any, record: Any) -> None:
        record.info[_FILE] = self._identity()

    def _renew_if_moved(self, _connection: Any, record: Any, _proxy: object) -> None:
        if record.info.get(_FILE) != self._identity():
            raise exc.DisconnectionError("another file is at the path of the store")

    def _refuse_if_moved(self, connection: Connection) -> None:
        if connection.info.get(_FILE) != self._identity():
            raise faults.missing()
