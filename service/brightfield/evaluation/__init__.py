"""Evaluations that outlive a request: runs whose predictions come in chunks."""
