"""Shapley values of regions: which coalitions are scored, and what their scores come to."""
