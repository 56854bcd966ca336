"""Attention between tokens: its calls in a recorded pass, its weights, and what tokens stand for."""
