"""What evaluations of one kind share; each evaluation names its kind as its base."""
