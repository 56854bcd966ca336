"""Python files in a model's folder, which import one another by their names.

A model's `helper.py` is a module of that model alone: two models may have one of that name, and
neither hides an installed package from others. So it isn't `sys.path` that is changed, but what
`import` means in these files.
"""

from __future__ import annotations

import builtins
import importlib.util
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from brightfield.errors import InvalidCard


def run_file(file: Path, owner: str) -> ModuleType:
    """The module of a file, run anew together with those beside it that it imports.

    `owner` begins the names of the modules. Raises whatever the code raises.
    """
    for name in [name for name in sys.modules if name.startswith(f"{owner}.")]:
        del sys.modules[name]  # of the last load, whose files may have been edited
    return _Neighbours(file.parent, owner).module(file.stem, file)


class _Neighbours:
    """The files and packages of a folder, and an `import` that finds them first."""

    def __init__(self, folder: Path, owner: str) -> None:
        self._folder, self._owner = folder, owner

    def module(self, name: str, file: Path) -> ModuleType:
        full = f"{self._owner}.{name}"
        inner = [str(file.parent)] if file.name == "__init__.py" else None
        loader = _Loader(full, str(file), self.imported)
        spec = importlib.util.spec_from_file_location(
            full, file, loader=loader, submodule_search_locations=inner
        )
        if spec is None:
            raise InvalidCard(f"{file.name} cannot be imported.")
        module = importlib.util.module_from_spec(spec)
        sys.modules[full] = module  # dataclasses and pickles look their module up by name
        try:
            loader.exec_module(module)
        except BaseException:
            del sys.modules[full]
            raise
        return module

    def imported(
        self,
        name: str,
        variables: Mapping[str, object] | None = None,
        locals_: Mapping[str, object] | None = None,
        wanted: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        """`__import__` of these files."""
        first, _, below = name.partition(".")
        file = self._file(first) if level == 0 else None
        if file is None:
            return builtins.__import__(name, variables, locals_, wanted or (), level)
        full = f"{self._owner}.{first}"
        top = sys.modules.get(full) or self.module(first, file)
        if below:
            inner = importlib.import_module(f"{full}.{below}")
            return inner if wanted else top
        for part in wanted or ():
            if not hasattr(top, part) and hasattr(top, "__path__"):
                importlib.import_module(f"{full}.{part}")
        return top

    def _file(self, name: str) -> Path | None:
        places = (self._folder / f"{name}.py", self._folder / name / "__init__.py")
        return next((place for place in places if place.is_file()), None)


class _Loader(SourceFileLoader):
    """Runs a file with an `import` of its own."""

    def __init__(self, name: str, path: str, imported: Callable[..., Any]) -> None:
        super().__init__(name, path)
        self._imported = imported

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["__builtins__"] = {**vars(builtins), "__import__": self._imported}
        super().exec_module(module)
