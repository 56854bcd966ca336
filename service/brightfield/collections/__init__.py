"""Collections of feature vectors: filled, searched, mapped and checked; knows no HTTP."""
