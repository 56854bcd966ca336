"""The objects of an image in the formats of other tools."""
