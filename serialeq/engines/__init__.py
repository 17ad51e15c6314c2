"""How an epoch is executed. See `engines.base.ENGINES`."""
