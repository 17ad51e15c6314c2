"""The digest chain: what the state was after each epoch, and that nothing was left out.

``link_e = sha256(link_{e-1} ‖ digest_e)``, where ``digest_0`` is of the state before the first
epoch and ``link_{-1}`` of what was to be trained, so that one link vouches for all before it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True)
class DigestChain:
    """Digests of the state after epoch 0 (the start), 1, 2, …

    Attributes
    ----------
    root : str
        sha256 of the description of the run.
    digests, links : tuple of str
        64 hex digits each, the same number of both.
    """

    root: str
    digests: tuple[str, ...] = ()
    links: tuple[str, ...] = ()

    @property
    def n_epochs(self) -> int:
        """Number of epochs done."""
        return len(self.digests) - 1

    def then(self, digest: str) -> DigestChain:
        """Return the chain with one more digest."""
        before = self.links[-1] if self.links else self.root
        link = hashlib.sha256(bytes.fromhex(before) + bytes.fromhex(digest)).hexdigest()
        return DigestChain(self.root, (*self.digests, digest), (*self.links, link))

    @classmethod
    def of(cls, root: str, digests: list[str]) -> DigestChain:
        """Return the chain of many digests."""
        links, before = [], bytes.fromhex(root)
        for digest in digests:
            before = hashlib.sha256(before + bytes.fromhex(digest)).digest()
            links.append(before.hex())
        return cls(root, tuple(digests), tuple(links))

    def first_difference(self, other: DigestChain) -> int | None:
        """Return the first epoch whose digests differ (0: the start), or None.

        Epochs that only one of them has do not count.
        """
        pairs = zip(self.digests, other.digests, strict=False)
        return next((epoch for epoch, (a, b) in enumerate(pairs) if a != b), None)
