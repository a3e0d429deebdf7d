# SPDX-License-Identifier: Apache-2.0
"""A part of a file of features made anew: rows of frames that were not touched are the file's own, bit by bit."""

from collections.abc import Sequence

import numpy as np

from moclip.files.keep import Kept
from moclip.motion import rotations as rot
from moclip.motion.features import (
    HEIGHT,
    POSITIONS,
    SIX_D,
    facing,
    features_along,
    features_to_joints,
    root_motion,
)
from moclip.motion.motion import Motion

_OWN_IK = 0.1
"""By which 6D channels differ at most, on average, from those that HumanML3D finds from the positions."""


def features_with(features: np.ndarray, motion: Motion, kept: Sequence[Kept]) -> np.ndarray:
    """Features (T, 263) of a motion whose frames `kept` are rows of `features`; T is one less where its end is new.

    The rotation channels of new rows are of the kind that the file has: HumanML3D's, or joints relative to parents.
    """
    headings, _ = root_motion(features)
    places = features_to_joints(features)
    joints, heading = motion.joints().astype(np.float64), facing(motion.joints())
    for stretch in kept:
        joints[stretch.at : stretch.stop] = places[stretch.first : stretch.end]
        heading[stretch.at : stretch.stop] = headings[stretch.first : stretch.end]
    heading = rot.continuous(heading)
    local = None if _is_humanml3ds(features, places, headings) else motion.rotations[:, 1:].astype(np.float64)
    rows = features_along(joints, heading, local)
    for stretch in kept:
        rows[stretch.at : stretch.stop - 1] = features[stretch.first : stretch.end - 1]
        last, own = stretch.stop - 1, features[stretch.end - 1]
        if last < len(rows):  # where it goes from here is new, how it stands here is not
            for block in (HEIGHT, POSITIONS, SIX_D):
                rows[last, block] = own[block]
        else:
            rows = np.concatenate([rows, own[None].astype(np.float32)])
    return rows


def _is_humanml3ds(features: np.ndarray, places: np.ndarray, headings: np.ndarray) -> bool:
    if len(features) < 2:
        return True
    own = features_along(places, headings)[:, SIX_D]
    return float(np.abs(own - features[:-1, SIX_D]).mean()) < _OWN_IK
