"""What numbers of a report or of a comparison must reach, and whether they do."""
