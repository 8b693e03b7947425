"""Losses as a Gaussian process wants them: without a long tail of bad ones, with something in place of failures."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Vector: TypeAlias = NDArray[np.float64]

FAILURES_TO_LEARN_FROM = 3
"""With fewer failed trials than this, nothing can be said about where they lie."""

CLUSTERED = 0.25
"""From this correlation on, failures count as a property of their region and not as bad luck."""

NEIGHBOURS = 3


def standardise(losses: Vector) -> Vector:
    """Return losses with their bad half compressed, mean 0 and standard deviation 1.

    With ``t = (loss - median) / MAD``, what lies above the median becomes ``log(1 + t)``: how bad the bad ones are
    hardly matters, and a surface that must bend through them would be wrong near the good ones.

    Args:
        losses: Finite, shape ``(n,)``, lower is better.
    """
    centred = losses - np.median(losses)
    # The deviation is 0 where most losses are equal, and what lies below the median would then explode.
    scale = max(float(np.median(np.abs(centred))), 0.01 * float(centred.std()))
    if scale <= 0 or not np.isfinite(scale):
        return np.zeros_like(losses)
    centred /= scale
    centred = np.where(centred > 0, np.log1p(np.maximum(centred, 0.0)), centred)
    spread = float(centred.std())
    return (centred - centred.mean()) / spread if spread > 0 else np.zeros_like(losses)


def failures_cluster(failed: NDArray[np.bool_], distances: NDArray[np.float64]) -> bool:
    """Return whether failed trials lie together, so that their region is to be avoided.

    Compares each trial's fate with that of its three nearest neighbours. Failures of the machine fall anywhere: to
    take these for bad configurations would hide good regions. Failures of the configuration, such as a lack of
    memory, have neighbours of their kind: to ignore these would try them again and again.

    Args:
        failed: Shape ``(n,)``.
        distances: Squared distances between all trials, shape ``(n, n)``.
    """
    count = int(failed.sum())
    if count < FAILURES_TO_LEARN_FROM or len(failed) <= NEIGHBOURS:
        return count > 0
    if count == len(failed):
        return True
    apart = distances + np.diag(np.full(len(failed), np.inf))
    nearest = np.argpartition(apart, NEIGHBOURS - 1, axis=1)[:, :NEIGHBOURS]
    share = failed[nearest].mean(axis=1)
    spread = float(share.std())
    if spread == 0.0:
        return False
    correlation = float(((failed - failed.mean()) * (share - share.mean())).mean()) / (float(failed.std()) * spread)
    return correlation > CLUSTERED
