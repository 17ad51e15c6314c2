"""The digest chain: what the state was after each epoch, and that nothing was left out.

``link_i = sha256(link_{i-1} ‖ digest_i)``, where ``digest_0`` is of the state before the first
epoch and ``link_{-1}`` of what was to be trained, so that one link vouches for all before it.
There is a link for every epoch, or for every k-th (`every`) and the last.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import accumulate


@dataclass(frozen=True)
class DigestChain:
    """Digests of the state after epoch 0 (the start), 1, 2, …, or after some of them."""

    root: str
    """sha256 of the description of the run."""
    states: dict[int, str]
    """64 hex digits for each of these epochs, which rise from 0."""

    @classmethod
    def of(cls, root: str, digests: list[str], n_epochs: int, every: int = 1) -> DigestChain:
        """Return the chain of `n_epochs` epochs, given the digests of every k-th and the last."""
        return cls(root, {min(i * every, n_epochs): digest for i, digest in enumerate(digests)})

    def then(self, digest: str, epoch: int) -> DigestChain:
        """Return the chain with the digest of one more epoch."""
        return DigestChain(self.root, self.states | {epoch: digest})

    @property
    def epochs(self) -> tuple[int, ...]:
        """The epochs whose states have digests."""
        return tuple(self.states)

    @property
    def n_epochs(self) -> int:
        """Number of epochs done."""
        return self.epochs[-1]

    @property
    def digests(self) -> tuple[str, ...]:
        """The digest of each of these epochs."""
        return tuple(self.states.values())

    @property
    def links(self) -> tuple[str, ...]:
        """The link of each of these epochs."""
        _, *links = accumulate(self.digests, _link, initial=self.root)
        return tuple(links)

    def first_difference(self, other: DigestChain) -> int | None:
        """Return the first epoch whose digests differ (0: the start), or None.

        Epochs that only one of them has do not count.
        """
        pairs = ((at, digest, other.states.get(at, digest)) for at, digest in self.states.items())
        return next((at for at, one, another in pairs if one != another), None)


def _link(before: str, digest: str) -> str:
    return hashlib.sha256(bytes.fromhex(before + digest)).hexdigest()
