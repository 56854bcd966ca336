"""Who may come in: places in flight, turns of those who are refused, and bytes of bodies."""
