"""The architectures, one file each, and what turns a card into a module; knows no HTTP.

`plugins.discover` finds the members: every concrete subclass of `architecture.Architecture`.
"""

import brightfield.light_torchvision  # noqa: F401 (before anybody imports torchvision)
