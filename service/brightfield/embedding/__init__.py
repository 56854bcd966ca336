"""The space of feature vectors: neighbours, clusters, maps, and what looks wrong in them."""
