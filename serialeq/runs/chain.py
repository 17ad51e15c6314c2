"""The digest chain: what the state was after each epoch, and that nothing was left out.

``link_i = sha256(link_{i-1} ‖ digest_i)``, where ``digest_0`` is of the state before the first
epoch and ``link_{-1}`` of what was to be trained, so that one link vouches for all before it.
There is a link for every epoch, or for every k-th (`every`) and the last.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True)
class DigestChain:
    """Digests of the state after epoch 0 (the start), 1, 2, …, or after some of them.

    Attributes
    ----------
    root : str
        sha256 of the description of the run.
    epochs : tuple of int
        Rising from 0.
    digests, links : tuple of str
        64 hex digits for each of these epochs.
    """

    root: str
    epochs: tuple[int, ...] = ()
    digests: tuple[str, ...] = ()
    links: tuple[str, ...] = ()

    @property
    def n_epochs(self) -> int:
        """Number of epochs done."""
        return self.epochs[-1]

    def then(self, digest: str, epoch: int) -> DigestChain:
        """Return the chain with the digest of one more epoch."""
        before = self.links[-1] if self.links else self.root
        link = hashlib.sha256(bytes.fromhex(before) + bytes.fromhex(digest)).hexdigest()
        return DigestChain(
            self.root, (*self.epochs, epoch), (*self.digests, digest), (*self.links, link)
        )

    @classmethod
    def of(cls, root: str, digests: list[str], n_epochs: int, every: int = 1) -> DigestChain:
        """Return the chain of `n_epochs` epochs, given the digests of every k-th and the last."""
        links, before = [], bytes.fromhex(root)
        for digest in digests:
            before = hashlib.sha256(before + bytes.fromhex(digest)).digest()
            links.append(before.hex())
        epochs = (min(i * every, n_epochs) for i in range(len(digests)))
        return cls(root, tuple(epochs), tuple(digests), tuple(links))

    def digest_at(self, epoch: int) -> str | None:
        """Return the digest of the state after an epoch, if the chain has it."""
        return dict(zip(self.epochs, self.digests, strict=True)).get(epoch)

    def first_difference(self, other: DigestChain) -> int | None:
        """Return the first epoch whose digests differ (0: the start), or None.

        Epochs that only one of them has do not count.
        """
        digests = dict(zip(other.epochs, other.digests, strict=True))
        pairs = zip(self.epochs, self.digests, strict=True)
        return next((e for e, digest in pairs if digests.get(e, digest) != digest), None)
