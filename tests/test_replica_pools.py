"""Pools as they are written in the settings."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from brightfield.replica_pools import ReplicaPool, read_pools, the_rest
from brightfield.served_models import ServedModels
from brightfield.settings import Settings


def test_pools_are_read() -> None:
    pools = read_pools("large: sam-*,medsam replicas=1:2 gpus=1; old:vgg16 cpus=0.5;")
    assert pools == (
        ReplicaPool("large", "sam-*,medsam", "1:2", None, 1),
        ReplicaPool("old", "vgg16", "1", 0.5, 0),
    )
    rest, models = ServedModels.read(the_rest(pools)), ("nuclei", "sam-b", "medsam", "vgg16")
    assert [model for model in models if model in rest] == ["nuclei"]
    assert the_rest(read_pools("")) == ""


@pytest.mark.parametrize(
    "text",
    [
        "large", "large:", "Large: a", "large: a gpus=x", "large: a gpus=-1", "large: a cpus=0",
        "large: a replicas=3:1", "large: a b", "large: a color=1", "large: !a", "a: x; a: y",
        "large: a/b",
    ],
)  # fmt: skip
def test_what_is_no_pool_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        Settings(pools=text)
