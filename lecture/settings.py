"""What every part of the page is told."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """How much to do, and from which seed.

    Attributes
    ----------
    quick : bool
        Smaller data and fewer rounds: all sections together within three minutes on 2 cores.
    seed : int
    n_jobs : int
        Workers of measured runs; simulated runs have as many as they like.
    """

    quick: bool = False
    seed: int = 0
    n_jobs: int = 1
