"""Files that several problems are read from."""
