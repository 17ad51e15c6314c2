"""serialeq: the bits of serial SGD on any number of workers."""
