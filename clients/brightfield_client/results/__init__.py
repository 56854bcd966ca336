"""Answers as frozen values."""
