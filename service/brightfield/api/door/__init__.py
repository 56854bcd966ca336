"""The door: who comes in by which key, for which of the routes, and what is noted of it."""
