"""Attention between tokens: its calls in a recorded pass, its weights, what tokens stand for."""
