"""Word vectors (GloVe)."""
