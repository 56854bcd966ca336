"""What a concept, as items of a collection have it, is tested by."""
