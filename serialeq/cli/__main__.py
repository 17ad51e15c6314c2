"""``python -m serialeq.cli``."""

from .main import main

main()
