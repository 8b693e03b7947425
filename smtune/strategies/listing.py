"""Configurations that stand in a list from the beginning."""

from __future__ import annotations

from collections.abc import Iterable

from smtune.space import Configuration
from smtune.strategies.proposer import Memory, Proposal, Proposer


class Listing(Proposer):
    """Proposes configurations in a given order, passing over those that were suggested before.

    Args:
        configurations: Legal ones; read lazily.
        origin: What to say where they come from.
    """

    def __init__(self, configurations: Iterable[Configuration], *, origin: str) -> None:
        self._configurations = iter(configurations)
        self._origin = origin
        self._head: Configuration | None = None

    def propose(self, number: int, memory: Memory) -> Proposal | None:  # noqa: ARG002
        """Return the next configuration that is new."""
        head = self._next(memory)
        self._head = None
        return None if head is None else Proposal(head, self._origin)

    def exhausted(self, memory: Memory) -> bool:
        """Return whether nothing new is left in the list."""
        return self._next(memory) is None

    def _next(self, memory: Memory) -> Configuration | None:
        """Return what comes next, and keep it."""
        if self._head is None or self._head in memory:
            self._head = next((one for one in self._configurations if one not in memory), None)
        return self._head
