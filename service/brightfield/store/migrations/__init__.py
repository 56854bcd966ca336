"""The store's schema, step by step. A change of a table is one new file in `versions`."""
