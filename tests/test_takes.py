# SPDX-License-Identifier: Apache-2.0
"""Of several takes the one nearest to the text is chosen."""

from types import SimpleNamespace

import numpy as np
import pytest

from moclip.generate.takes import best_takes, repeat_takes
from moclip.generators.base.passages import Passage

TEXT = np.eye(3)


def passages() -> list[Passage]:
    """One request with one passage, one with two."""
    return [Passage(0, 0, 6, TEXT[0]), Passage(1, 0, 5, TEXT[1]), Passage(1, 3, 9, TEXT[2])]


def test_takes_stand_together_and_the_first_has_the_requests_own_seed():
    rows, lengths, seeds = repeat_takes(passages(), np.array([6, 9]), [7, 8], [3, 3])
    assert [p.request for p in rows] == [0, 1, 2, 3, 3, 4, 4, 5, 5] and lengths.tolist() == [6] * 3 + [9] * 3
    assert seeds[0] == 7 and seeds[3] == 8 and len(set(seeds)) == 6 and min(seeds) >= 0
    assert [(p.first, p.end) for p in rows[3:5]] == [(0, 5), (3, 9)]
    uneven = repeat_takes(passages(), np.array([6, 9]), [7, 8], [1, 2])
    assert [p.request for p in uneven[0]] == [0, 1, 1, 2, 2] and uneven[1].tolist() == [6, 9, 9]
    assert uneven[2][:2] == [7, 8]
    one = repeat_takes(passages(), np.array([6, 9]), [7, 8], [1, 1])
    assert [p.request for p in one[0]] == [0, 1, 1] and one[2] == [7, 8]


@pytest.mark.parametrize("best", [0, 1, 2])
def test_the_take_whose_passages_are_nearest_to_their_texts_is_chosen(best):
    rows, lengths, _ = repeat_takes(passages(), np.array([6, 9]), [7, 8], [3, 3])
    seen = []

    def decode(codes):
        # Features of nothing but the height of the root, which is the number of the row.
        features = np.zeros((len(codes), 4 * codes.shape[1], 263), dtype=np.float32)
        features[..., 3] = np.arange(len(codes))[:, None]
        return features

    def call(name, joints, valid):
        assert name == "motion"
        seen.append(valid.sum(1).tolist())
        row = np.round(joints[:, 0, 0, 1]).astype(int)
        text = np.array([p.text for p in rows])
        return np.where((row % 3 == best)[:, None], text, -text)

    runtime, codec = SimpleNamespace(call=call), SimpleNamespace(decode=decode, stride=4)
    chosen = best_takes(runtime, codec, np.zeros((6, 9, 4), dtype=int), rows, [3, 3])
    assert chosen.tolist() == [best, 3 + best]
    assert seen == [[24] * 3 + [20, 24] * 3]
