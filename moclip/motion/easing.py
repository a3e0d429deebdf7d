# SPDX-License-Identifier: Apache-2.0
"""Changes that are known at some frames, over all the others: as "Motion Warping" (Witkin and Popovic, SIGGRAPH 1995).

At each key the change is exactly its own and as fast as nothing, so that a motion passes it as fast as it went.
"""

from collections.abc import Sequence

import numpy as np


def eased(keys: Sequence[int], values: np.ndarray, frames: int, reach: int) -> np.ndarray:
    """(frames, ...) from values (K, ...) at K ascending frames; farther than `reach` from any it fades to nothing.

    Between two keys nearer to one another than twice that, one goes over into the other.
    """
    made = np.zeros((frames, *values.shape[1:]))
    if not len(keys):
        return made
    for key, value in zip(keys, values, strict=True):
        made[key] = value
    _go(made, keys[0] - reach, keys[0], np.zeros_like(values[0]), values[0])
    for (a, start), (b, end) in zip(
        zip(keys, values, strict=True), zip(keys[1:], values[1:], strict=False), strict=False
    ):
        if b - a <= 2 * reach:
            _go(made, a, b, start, end)
        else:
            _go(made, a, a + reach, start, np.zeros_like(start))
            _go(made, b - reach, b, np.zeros_like(end), end)
    _go(made, keys[-1], keys[-1] + reach, values[-1], np.zeros_like(values[-1]))
    return made


def smooth(share: np.ndarray) -> np.ndarray:
    """0..1 -> 0..1, slow at both ends."""
    step: np.ndarray = share * share * (3 - 2 * share)
    return step


def _go(made: np.ndarray, first: int, last: int, start: np.ndarray, end: np.ndarray) -> None:
    """The frames between two, which have their values already or lie outside."""
    inside = np.arange(max(first + 1, 0), min(last, len(made)))
    share = smooth((inside - first) / max(last - first, 1))
    made[inside] = start + (end - start) * share.reshape(-1, *([1] * start.ndim))
