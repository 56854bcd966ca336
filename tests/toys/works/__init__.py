"""One file for each kind of task and method, as somebody would add it to a catalog.

The folders stand in for the catalogs' own: a test puts them into the catalogs' paths.
"""
