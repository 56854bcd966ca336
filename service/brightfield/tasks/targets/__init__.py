"""What is explained of each task: one score of a model's output."""
