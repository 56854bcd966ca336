"""The warning that everybody can come in."""

from __future__ import annotations

from brightfield.api.services import Services


def open_door(services: Services) -> str | None:
    """What is wrong with a service that others can reach without a key; None: nothing."""
    settings = services.settings
    if settings.only_here or services.keyring.needed or settings.require_keys == "never":
        return None
    return (
        f"The service listens on {settings.host} without API keys: everybody who reaches it can "
        "ask, change and delete. Make a key with: brightfield keys add NAME --scopes admin"
    )
