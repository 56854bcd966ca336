"""How the modules of the client lie: no circle among them."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

grimp = pytest.importorskip("grimp")


def in_circles(imports: Mapping[str, set[str]]) -> set[str]:
    """What is left once every module that imports nothing that is left is taken away."""
    left = {module: set(targets) & set(imports) for module, targets in imports.items()}
    while free := {module for module, targets in left.items() if not targets}:
        left = {module: targets - free for module, targets in left.items() if module not in free}
    return set(left)


def test_no_module_imports_itself_over_others() -> None:
    graph = grimp.build_graph("brightfield_client", "brightfield_painting", cache_dir=None)
    found = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert len(found) > 80
    assert in_circles({"a": {"b"}, "b": {"a"}, "c": {"a"}, "d": set()}) == {"a", "b", "c"}
    assert in_circles(found) == set()
