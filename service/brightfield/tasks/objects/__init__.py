"""How objects are found in a model's output, and the results that hold them."""

import brightfield.light_torchvision  # noqa: F401 (before anybody imports torchvision)
