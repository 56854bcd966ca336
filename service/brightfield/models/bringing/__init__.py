"""From a file that somebody has to a model's folder: what it is, what is known of it, its card."""
