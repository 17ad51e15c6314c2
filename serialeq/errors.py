"""What goes wrong, by name."""

from __future__ import annotations


class SerialeqError(Exception):
    """Base class of every error that this package raises itself."""


class DataError(SerialeqError, ValueError):
    """Input data cannot be read or used; the message names the place."""


class DivergenceError(SerialeqError, ArithmeticError):
    """Training produced a value that is not finite."""


class ScheduleError(SerialeqError, ValueError):
    """A schedule does not admit exactly the serial result."""


class SupportError(SerialeqError, AssertionError):
    """An update reads or writes a variable that is not in the support of its sample."""
