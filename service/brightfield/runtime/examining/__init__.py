"""Examining a model when it is loaded, by a few passes of images of its card's form."""
