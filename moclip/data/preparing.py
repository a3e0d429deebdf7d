# SPDX-License-Identifier: Apache-2.0
"""What drawn motion needs before it stands beside recorded motion: loops that go somewhere, bodies that fly."""

from dataclasses import replace

import numpy as np

from moclip.captions.labels import ActionLabel
from moclip.data.makers.travel import stays, travel_of, with_travel
from moclip.data.makers.variety import closes, cycled
from moclip.motion.motion import Motion
from moclip.motion.skeleton import JOINT_INDEX

_GOING = {
    "walk", "run", "sprint", "jog", "walk_backward", "formal_walk", "zombie_walk", "sneak", "crouch_walk", "strafe",
    "crawl", "push", "running_jump",
}  # fmt: skip
_SPEEDS = (0.15, 7.0)
_FLIGHT_M = 0.9
_LOOP_FRAMES = 40


def prepared(motion: Motion, label: ActionLabel) -> Motion:
    """A drawn motion as somebody would really do it: gaits that stay in place go as their standing feet tell, one cycle
    of them goes on for two seconds, and who flies is off the floor."""
    if label.action == "fly":
        root = motion.root_translation.copy()
        root[:, 1] += _FLIGHT_M
        return replace(motion, root_translation=root)
    if label.action not in _GOING or not stays(motion) or motion.frames < 6:
        return motion
    on_all_fours = [JOINT_INDEX[name] for name in ("left_wrist", "right_wrist", "left_knee", "right_knee")]
    velocity = travel_of(motion, on_all_fours if label.action == "crawl" else None)
    if not _SPEEDS[0] < np.linalg.norm(velocity) < _SPEEDS[1]:
        return motion
    if closes(motion):
        motion = cycled(motion, _LOOP_FRAMES)
    return with_travel(motion, velocity)
