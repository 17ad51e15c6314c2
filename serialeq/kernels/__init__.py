"""Compiled building blocks. Nothing here knows of problems, orders or engines."""
