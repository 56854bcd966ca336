"""From requests to typed values: bodies, forms, parameters."""
