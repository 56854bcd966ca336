"""Planes of stored images for the eye: decoded once, shown in parts at any scale."""
