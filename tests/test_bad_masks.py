# SPDX-License-Identifier: Apache-2.0
"""Who attends to whom in BAD: a worked example, and the plainest implementation."""

import numpy as np
import pytest

from moclip.generators.bad.config import BadConfig
from moclip.generators.bad.masks import fill_slots, permutation_mask

# 48 codes; four tokens in six slots.
CODES, ORDER = np.array([[10, 11, 12, 13, 0, 0]]), np.array([[2, 0, 3, 1, 4, 5]])
TWO_MASKED = np.array([[True, False, True, False, False, False]])
ALL_MASKED = np.array([[True, True, True, True, False, False]])
LENGTH = np.array([4])
EXAMPLES = {
    (True, True): "11010110 11111110 11111110 11010110 11011110 11010110 11010110 11010110",
    (False, True): "11010110 11111110 11110110 11010110 11111110 11010110 11010110 11010110",
    (True, False): "11111110 11111110 11111110 11111110 11011110 11111110 11111110 11111110",
}
"""By the two rules: rows text, time, tokens 0 to 3, END, PAD; the columns are the same."""


def config(**changes):
    return BadConfig(codes=48, most_tokens=5, **changes)


def drawn(mask: np.ndarray) -> str:
    return " ".join("".join("01"[int(cell)] for cell in row) for row in mask[0])


@pytest.mark.parametrize("rules", EXAMPLES)
def test_worked_example(rules):
    sizes = config(masked_see_later=rules[0], kept_see_kept_only=rules[1])
    assert drawn(permutation_mask(TWO_MASKED, ORDER, LENGTH, sizes)) == EXAMPLES[rules]


def test_worked_example_of_ids():
    assert fill_slots(CODES, TWO_MASKED, ORDER, LENGTH, config()).tolist() == [[52, 11, 53, 13, 48, 49]]
    assert fill_slots(CODES, ALL_MASKED, ORDER, LENGTH, config()).tolist() == [[52, 50, 53, 51, 48, 49]]


def test_all_masked_is_an_order_of_who_sees_whom():
    mask = permutation_mask(ALL_MASKED, ORDER, LENGTH, config())
    assert drawn(mask) == "11000010 11111110 11101010 11111110 11001010 11101110 11000010 11000010"
    # The first of the order sees all masked slots, the last only itself.
    assert mask[0, 3, 2:6].all() and mask[0, 4, 2:6].tolist() == [False, False, True, False]


def test_official_ids():
    sizes = BadConfig()
    assert (sizes.end_id, sizes.pad_id, sizes.mask_id, sizes.slots) == (8192, 8193, 8194, 50)


@pytest.mark.parametrize("time_cond", [True, False])
@pytest.mark.parametrize("rules", [(a, b) for a in (True, False) for b in (True, False)])
def test_equals_the_plainest_implementation(rules, time_cond):
    pytest.importorskip("torch", reason="the reference runs the network too")
    from bad_reference import attention_mask

    rng = np.random.default_rng(0)
    lengths = np.array([1, 7, 12, 15])
    inside = np.arange(16)[None] < lengths[:, None]
    masked, order = inside & (rng.random((4, 16)) < 0.5), np.stack([rng.permutation(16) for _ in range(4)])
    sizes = config(masked_see_later=rules[0], kept_see_kept_only=rules[1], time_cond=time_cond)
    result = permutation_mask(masked, order, lengths, sizes)
    for row in range(4):
        arguments = masked[row], order[row], lengths[row], 16, sizes.conditions
        assert result[row].tolist() == attention_mask(*arguments, *rules)


def test_without_masked_slots_the_motion_is_seen_whole_by_all():
    mask = permutation_mask(np.zeros((1, 6), dtype=bool), ORDER, LENGTH, config())
    assert (mask[0] == (np.arange(8) < 7)).all()


def test_swapping_two_orders_swaps_rows_and_columns():
    other = ORDER[:, [2, 1, 0, 3, 4, 5]]
    swapped = [0, 1, 4, 3, 2, 5, 6, 7]
    one, two = (permutation_mask(ALL_MASKED, o, LENGTH, config())[0] for o in (ORDER, other))
    assert (two == one[swapped][:, swapped]).all() and (one != two).any()
