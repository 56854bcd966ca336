"""Estimates and their intervals: closed forms, the bootstrap, resamples."""
