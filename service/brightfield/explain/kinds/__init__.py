"""What methods of one kind share; each method names its kind as its base."""
