"""Random numbers with names: each depends on its key alone, never on which others were drawn before.

Strategies key them by seed, proposal, parameter and purpose, so a draw stays the same at any parallelism, after a
resume, and when parameters are added or reordered. The digest is BLAKE2b: the same on every platform and version.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import TypeVar

Item = TypeVar("Item")


class Draws:
    """A family of random numbers that share the beginning of their keys.

    >>> draws = Draws(7, "random")
    >>> draws.uniform(0, "eta") == Draws(7).within("random", 0).uniform("eta")
    True

    Args:
        key: Numbers and texts.
    """

    __slots__ = ("_digest",)

    def __init__(self, *key: int | str) -> None:
        self._digest = blake2b(_encode(*key), digest_size=8)

    def within(self, *key: int | str) -> Draws:
        """Return the family of the longer key."""
        family = Draws.__new__(Draws)
        family._digest = self._digest.copy()  # noqa: SLF001
        family._digest.update(_encode(*key))  # noqa: SLF001
        return family

    def bits(self, *key: int | str) -> int:
        """Return a whole number that is uniform in ``[0, 2**64)``."""
        digest = self._digest.copy()
        digest.update(_encode(*key))
        return int.from_bytes(digest.digest(), "little")

    def uniform(self, *key: int | str) -> float:
        """Return a number that is uniform in ``[0, 1)``, a multiple of ``2**-53``."""
        return (self.bits(*key) >> 11) * 2.0**-53

    def normal(self, *key: int | str) -> float:
        """Return a standard normal number (Box and Muller, 1958)."""
        radius = math.sqrt(-2.0 * math.log(1.0 - self.uniform(*key, "radius")))
        return radius * math.cos(2.0 * math.pi * self.uniform(*key, "angle"))

    def index(self, count: int, *key: int | str) -> int:
        """Return a whole number that is uniform in ``[0, count)``."""
        return self.bits(*key) * count >> 64

    def choice(self, items: Sequence[Item], *key: int | str) -> Item:
        """Return one of the items, each equally likely."""
        return items[self.index(len(items), *key)]

    def permutation(self, count: int, *key: int | str) -> list[int]:
        """Return the numbers ``0 .. count - 1`` in random order."""
        family = self.within(*key)
        return sorted(range(count), key=family.bits)


@lru_cache(maxsize=4096, typed=True)
def _encode(*key: int | str) -> bytes:
    """Join the parts such that no two keys look alike."""
    return "".join([f"{len(text)}:{text}" for text in map(str, key)]).encode(errors="surrogatepass")
