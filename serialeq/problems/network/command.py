"""What the command line reads and tells of networks."""

from __future__ import annotations

from serialeq.problems.samples import SamplesCommand


class Command(SamplesCommand):
    """Samples with labels of classes."""
