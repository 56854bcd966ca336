"""Parts of the model's input that are weighed as wholes: cells of a grid, superpixels, objects."""
