# SPDX-License-Identifier: Apache-2.0
"""Who attends to whom in BAD, and what stands in the slots (section 3 of the paper), in numpy.

A motion of L tokens fills slots 0..L-1, the END slot L; what follows is padding. Masked slots are numbered by an order,
each has a mask token of its own and sees those that come later in the order: so one network decodes in any order.
"""

import numpy as np

from moclip.generators.bad.config import BadConfig


def fill_slots(
    codes: np.ndarray, masked: np.ndarray, order: np.ndarray, lengths: np.ndarray, config: BadConfig
) -> np.ndarray:
    """Ids (B, S): codes (B, S) or mask tokens by order (B, S) where masked (B, S), END behind lengths (B,), padding."""
    slot = np.arange(codes.shape[1])[None]
    ids = np.where(masked, config.mask_id + order, codes)
    ids = np.where(slot == lengths[:, None], config.end_id, ids)
    return np.where(slot > lengths[:, None], config.pad_id, ids)


def permutation_mask(masked: np.ndarray, order: np.ndarray, lengths: np.ndarray, config: BadConfig) -> np.ndarray:
    """Attention (B, C + S, C + S), True where row may attend to column; C = `config.conditions`.

    masked (B, S) bool, order (B, S) int, lengths (B,) in tokens. Condition columns are open to all, padding's to none.
    A masked slot sees what is not masked, and masked slots from itself on in the order (up to itself without
    `masked_see_later`). What is not masked, and the text, see only what is not masked either (without
    `kept_see_kept_only`: everything).
    """
    batch, slots = masked.shape
    of_masked = ~masked[:, None, :] | (
        order[:, None, :] >= order[:, :, None] if config.masked_see_later else order[:, None, :] <= order[:, :, None]
    )
    of_kept = ~masked if config.kept_see_kept_only else np.ones_like(masked)
    inside = np.arange(slots)[None] <= lengths[:, None]
    first, size = config.conditions, config.conditions + slots
    attend = np.zeros((batch, size, size), dtype=bool)
    attend[:, :, :first] = True
    attend[:, 0, first:] = of_kept & inside
    # The row of the sequence's state sees masked slots too: only the text's row is held back in the official code.
    attend[:, 1:first, first:] = inside[:, None, :]
    attend[:, first:, first:] = np.where(masked[:, :, None], of_masked, of_kept[:, None, :]) & inside[:, None, :]
    return attend
