"""The units of a layer: what they see of an image, and what excites them most."""
