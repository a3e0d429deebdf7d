# SPDX-License-Identifier: Apache-2.0
"""The 22-joint skeleton of HumanML3D (SMPL body joints): order, parents, chains, rest offsets.

Axes: +X is the character's left, +Y up, +Z forward; metres.
There are two rest poses. `REST_OFFSETS` is a T-pose and is what `Motion` uses. `RAW_OFFSETS` has the arms hanging
down; HumanML3D's feature extraction is defined by it and nothing else may use it.
"""

import numpy as np

JOINT_NAMES = (
    "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle", "right_ankle",
    "spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head", "left_shoulder",
    "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
)  # fmt: skip
PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19)
JOINT_COUNT = len(PARENTS)
LEAF_JOINTS = (10, 11, 15, 20, 21)
JOINT_INDEX = {name: index for index, name in enumerate(JOINT_NAMES)}
CHILDREN = tuple(tuple(c for c, p in enumerate(PARENTS) if p == j) for j in range(JOINT_COUNT))

# In HumanML3D's order: right leg, left leg, spine, right arm, left arm.
KINEMATIC_CHAINS = (
    (0, 2, 5, 8, 11), (0, 1, 4, 7, 10), (0, 3, 6, 9, 12, 15), (9, 14, 17, 19, 21), (9, 13, 16, 18, 20),
)  # fmt: skip

# mirrored[j] = X-flipped joint MIRROR[j]
MIRROR = (0, 2, 1, 3, 5, 4, 6, 8, 7, 9, 11, 10, 12, 14, 13, 15, 17, 16, 19, 18, 21, 20)

_X, _Y, _Z = np.eye(3)
RAW_OFFSETS = np.array(
    [0 * _X, _X, -_X, _Y, -_Y, -_Y, _Y, -_Y, -_Y, _Y, _Z, _Z, _Y, _X, -_X, _Z, -_Y, -_Y, -_Y, -_Y, -_Y, -_Y]
)  # fmt: skip

# Bone lengths of HumanML3D's uniform skeleton, in metres, joint to its parent (its public sample has them to 1e-6).
BONE_LENGTHS = np.array([
    0.0, 0.10307, 0.10988, 0.13157, 0.39362, 0.39019, 0.14319, 0.43243, 0.42564, 0.05736, 0.14338, 0.14942, 0.21936,
    0.13749, 0.14338, 0.10304, 0.13161, 0.12298, 0.25684, 0.26309, 0.26601, 0.26988,
])  # fmt: skip

# Hips hang below the pelvis and collars branch above spine3: three joints ride rigidly on each of the two, so their
# directions matter to forward kinematics. Directions measured on HumanML3D's public sample; every other bone of the
# T-pose lies along an axis.
_BRANCH_DIRECTIONS = {
    1: (0.0543, -0.0840, -0.0250), 2: (-0.0663, -0.0840, -0.0250), 3: (0.0033, 0.1315, 0.0),
    12: (-0.0067, 0.2193, 0.0), 13: (0.0661, 0.1196, -0.0151), 14: (-0.0777, 0.1196, -0.0151),
}  # fmt: skip
_TPOSE_DIRECTIONS = {
    4: -_Y, 5: -_Y, 6: _Y, 7: -_Y, 8: -_Y, 9: _Y, 10: _Z, 11: _Z, 15: _Y,
    16: _X, 17: -_X, 18: _X, 19: -_X, 20: _X, 21: -_X,
}  # fmt: skip


def _rest_offsets() -> np.ndarray:
    offsets = np.zeros((JOINT_COUNT, 3))
    for joint, direction in {**_BRANCH_DIRECTIONS, **_TPOSE_DIRECTIONS}.items():
        direction = np.asarray(direction, dtype=np.float64)
        offsets[joint] = direction / np.linalg.norm(direction) * BONE_LENGTHS[joint]
    offsets = offsets.astype(np.float32)
    offsets.setflags(write=False)
    return offsets


REST_OFFSETS = _rest_offsets()
"""(22, 3) float32 metres: T-pose offsets from the parent joint."""
