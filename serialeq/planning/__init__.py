"""From an `Order` to a `Schedule`: which worker runs what, and what it waits for."""
