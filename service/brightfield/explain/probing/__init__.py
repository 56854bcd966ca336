"""How methods ask a model: scores, gradients, hidden windows, neurons, checks."""
