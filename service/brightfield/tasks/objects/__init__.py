"""How objects are found in a model's output, and the results that hold them."""
