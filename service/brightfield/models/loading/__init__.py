"""From a card to a module with its weights."""
