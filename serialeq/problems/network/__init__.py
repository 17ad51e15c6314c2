"""A network with dropout by groups."""
