"""From what callers send to checked arrays: columns, data sets, pictures, pairs."""
