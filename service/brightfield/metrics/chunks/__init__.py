"""The chunks of a run: as bytes, checked against one another, and joined."""
