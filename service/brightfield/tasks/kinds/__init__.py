"""The kinds of tasks: how an answer comes about, and what a task of each kind fills in."""
