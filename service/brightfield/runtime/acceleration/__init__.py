"""Finding for each model what runs it fastest, while it already serves."""
