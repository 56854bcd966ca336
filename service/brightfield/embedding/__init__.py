"""The space of feature vectors: neighbours, clusters, maps, and suspicious items."""
