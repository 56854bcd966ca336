"""A report of an evaluation as something to read: tables, plots and a page."""
