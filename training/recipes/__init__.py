"""One file per shipped model."""
