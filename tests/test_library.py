# SPDX-License-Identifier: Apache-2.0
"""What the library tells of a motion without Blender: its tags and its picture."""

import numpy as np
import pytest
from addon_part import addon_module

from moclip.motion import rotations as rot
from moclip.motion.skeleton import JOINT_COUNT, JOINT_INDEX

words = addon_module("library.words")
thumbnail = addon_module("library.thumbnail")
Clip = addon_module("motion.clip").Clip
ACTIONS = ("Walk", "Walk backwards", "Wave", "Wave with both hands", "Step to the left", "Dance", "Bow")
BOTH_HANDS, BOWS = ("wave", "wave with both hands"), ("simultaneously", "bows")


@pytest.mark.parametrize(
    ("prompt", "repeats", "tags"),
    [
        ("a person waves", False, ["MoCLIP", "wave", "waves"]),
        ("a man waves with both hands", True, ["MoCLIP", "loop", *BOTH_HANDS, "waves", "both", "hands"]),
        ("A person walks backwards.", True, ["MoCLIP", "loop", "walk", "walk backwards", "walks", "backwards"]),
        ("he waves while walking", False, ["MoCLIP", "while", "walk", "wave", "waves", "walking"]),
        ("she dances and simultaneously bows", False, ["MoCLIP", "while", "dance", "bow", "dances", *BOWS]),
        ("", False, ["MoCLIP"]),
    ],
)  # fmt: skip
def test_tags_are_actions_and_the_words_of_the_prompt(prompt, repeats, tags):
    assert words.tags_of(prompt, ACTIONS, repeats) == tags


def test_long_prompts_give_few_tags_that_blender_takes():
    found = words.tags_of(" ".join(f"{'very' * 30}{chr(97 + k)} verb{chr(97 + k)}" for k in range(26)), ACTIONS, False)
    assert len(found) == 16 and max(len(tag.encode()) for tag in found) < 64


def standing(frames=30):
    turns = np.zeros((frames, JOINT_COUNT, 4))
    turns[..., 0] = 1.0
    return turns, np.tile([0.0, 0.95, 0.0], (frames, 1))


def picture(turns, root):
    return thumbnail.draw(Clip(20.0, turns, root, "someone"))


def columns(drawn):
    """How many figures stand beside each other: runs of columns in which something is."""
    seen = (drawn[..., 3] > 0.5).any(axis=0)
    return int((np.diff(np.concatenate([[False], seen]).astype(int)) == 1).sum())


def test_it_shows_four_poses_the_last_one_strongest():
    turns, root = standing()
    # Arms hang, so that nobody touches their neighbour.
    for side, sign in (("left", -1.0), ("right", 1.0)):
        turns[:, JOINT_INDEX[f"{side}_shoulder"]] = rot.from_axis_angle(np.array([0.0, 0.0, 1.0]), np.array(sign * 1.4))
    drawn = picture(turns, root)
    assert drawn.shape == (thumbnail.SIZE, thumbnail.SIZE, 4) and drawn.dtype == np.float32
    assert 0.0 <= drawn.min() and drawn.max() <= 1.0 and columns(drawn) == 4
    quarters = [part[..., 3].max() for part in np.array_split(drawn, 4, axis=1)]
    assert quarters == sorted(quarters) and quarters[-1] == 1.0 and quarters[0] < 0.7


def test_feet_are_below_the_head_and_what_moves_is_seen():
    turns, root = standing()
    still = picture(turns, root)
    rows = (still[..., 3] > 0.5).sum(axis=1)
    used = np.flatnonzero(rows)
    # Row 0 is the lowest: two feet are wider than a head.
    assert rows[used[2]] > rows[used[-3]]
    turns[15:, JOINT_INDEX["left_shoulder"]] = rot.from_axis_angle(np.array([0.0, 0.0, 1.0]), np.array(1.4))
    assert np.abs(picture(turns, root) - still).max() > 0.5


def test_who_goes_is_seen_from_the_side_whichever_way_it_is():
    turns, root = standing()
    root[:, 2] = np.linspace(0.0, 3.0, len(root))
    ahead = picture(turns, root)
    turned = turns.copy()
    turned[:, 0] = rot.from_axis_angle(np.array([0.0, 1.0, 0.0]), np.array(2.0))
    elsewhere = np.stack([np.sin(2.0) * root[:, 2], root[:, 1], np.cos(2.0) * root[:, 2]], axis=1)
    np.testing.assert_allclose(picture(turned, elsewhere), ahead, atol=1e-3)


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_short_motions_have_a_picture(frames):
    assert (picture(*standing(frames))[..., 3] > 0.5).mean() > 0.03
