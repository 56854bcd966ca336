"""The recipes that made the shipped weights: `python -m training RECIPE --data FOLDER`."""
