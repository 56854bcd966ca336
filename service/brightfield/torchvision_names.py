"""torchvision's names of weights, and the classes that these name; nothing is downloaded."""

from __future__ import annotations

from typing import Any

from brightfield.errors import InvalidCard, nearest

_NO_CLASS = ("__background__", "N/A")


def torchvision_weights(name: str) -> Any:
    """torchvision's entry for a weights name: `url`, `meta` and `transforms`; downloads nothing.

    Raises `InvalidCard` with the nearest names.
    """
    import brightfield.light_torchvision  # noqa: F401 (before torchvision, and as slow to import)

    # isort: split
    from torchvision.models import get_model_weights, get_weight, list_models

    try:
        return get_weight(name)
    except (ValueError, KeyError, AttributeError) as fault:
        known = [str(weights) for model in list_models() for weights in get_model_weights(model)]
        raise InvalidCard(f"torchvision has no weights {name!r}.{nearest(name, known)}") from fault


def torchvision_categories(weights: str) -> tuple[str, ...]:
    """The class names in the metadata of a torchvision weights name, less those of no class.

    Detectors and segmenters list the background, and COCO's detectors ten numbers that the data
    set does not use.
    Raises `InvalidCard` for an unknown name, and for weights without class names.
    """
    categories = _categories(weights)
    return tuple(categories[column] for column in torchvision_columns(weights))


def torchvision_columns(weights: str) -> tuple[int, ...]:
    """Where the model's output has the classes that `torchvision_categories` names."""
    return tuple(
        column for column, name in enumerate(_categories(weights)) if name not in _NO_CLASS
    )


def _categories(weights: str) -> list[str]:
    categories: list[str] | None = torchvision_weights(weights).meta.get("categories")
    if not categories:
        raise InvalidCard(f"The torchvision weights {weights} come without class names.")
    return categories
