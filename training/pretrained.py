"""Networks that begin with ImageNet's features."""

from __future__ import annotations

from torch import nn

from brightfield import zoo
from brightfield.cards import read_card
from brightfield.models.efficientnet_lite import EfficientNetLite
from brightfield.models.loading.checkpoint import read_checkpoint
from brightfield.models.loading.weights import locate

CARD = "imagenet-lite0"


def begin_with_imagenet(network: nn.Module) -> None:
    """Fill `stem` and `blocks` with those of EfficientNet-Lite0, as many blocks as there are.

    Raises `RuntimeError` where a shape differs.
    """
    file = read_checkpoint(locate(read_card(zoo.folder() / CARD), None))
    (state,) = file.states.values()
    published = EfficientNetLite.rename(dict(state))
    own = {key for key in network.state_dict() if key.startswith(("stem.", "blocks."))}
    network.load_state_dict({key: published[key] for key in own}, strict=False)
