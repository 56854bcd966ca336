"""Resident models and the threads that run them: lane, batcher, registry."""
