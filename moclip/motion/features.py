# SPDX-License-Identifier: Apache-2.0
"""HumanML3D's motion features from joint positions, and back.

A row holds: root yaw velocity (half the angle, radians a frame) 1, root velocity on the ground in the heading frame 2,
root height 1, positions of the joints but the root in the heading frame 3(J-1), their 6D rotations 6(J-1), velocities
of all joints 3J, foot contacts 4. That is 263 numbers for the 22 joints of HumanML3D and 251 for KIT-ML's 21.

HumanML3D's published numbers depend on its quirks (the heading takes the hips the wrong way round, rotations hang on
bones, arms hang on the root). They are kept here, and only here.
"""

from dataclasses import dataclass

import numpy as np

from moclip.motion import rotations as rot
from moclip.motion.motion import Motion
from moclip.motion.skeleton import KINEMATIC_CHAINS, RAW_OFFSETS

_X, _Y, _Z = np.eye(3)
_ACROSS_GROUND = np.array([1.0, 0.0, 1.0])
_SMOOTHING_SIGMA = 20  # frames, whatever the frame rate


@dataclass(frozen=True)
class FeatureSpec:
    """One data set's layout. chains: joints from the root or a branch outwards. raw_offsets: (J, 3) unit bones.

    face: right hip, left hip, right shoulder, left shoulder. feet: left ankle, left toe, right ankle, right toe.
    contact_threshold: largest squared displacement of a resting foot, in the data set's units a frame.
    """

    fps: float
    chains: tuple[tuple[int, ...], ...]
    raw_offsets: np.ndarray
    face: tuple[int, int, int, int]
    feet: tuple[int, int, int, int]
    contact_threshold: float

    @property
    def joints(self) -> int:
        return len(self.raw_offsets)

    @property
    def width(self) -> int:
        return 12 * self.joints - 1

    @property
    def blocks(self) -> dict[str, slice]:
        """Name of each block -> its columns."""
        widths = {
            "yaw": 1, "velocity": 2, "height": 1, "positions": 3 * (self.joints - 1), "six_d": 6 * (self.joints - 1),
            "joint_velocity": 3 * self.joints, "contacts": 4,
        }  # fmt: skip
        ends = np.cumsum(list(widths.values())).tolist()
        return {name: slice(end - width, end) for (name, width), end in zip(widths.items(), ends, strict=True)}


HUMANML3D = FeatureSpec(20.0, KINEMATIC_CHAINS, RAW_OFFSETS, (2, 1, 17, 16), (7, 10, 8, 11), 0.002)
KIT = FeatureSpec(
    12.5,
    ((0, 11, 12, 13, 14, 15), (0, 16, 17, 18, 19, 20), (0, 1, 2, 3, 4), (3, 5, 6, 7), (3, 8, 9, 10)),
    np.array([
        0 * _X, _Y, _Y, _Y, _Y, _X, -_Y, -_Y, -_X, -_Y, -_Y, _X, -_Y, -_Y, _Z, _Z, -_X, -_Y, -_Y, _Z, _Z,
    ]),
    (11, 16, 5, 8), (19, 20, 14, 15), 0.05,
)  # fmt: skip
"""KIT-ML: millimetres, 21 joints."""

WIDTH = HUMANML3D.width
BLOCKS = tuple(HUMANML3D.blocks.values())
YAW, VELOCITY, HEIGHT, POSITIONS, SIX_D, JOINT_VELOCITY, CONTACTS = BLOCKS


def joints_to_features(
    joints: np.ndarray, spec: FeatureSpec = HUMANML3D, *, target_offsets: np.ndarray | None = None
) -> np.ndarray:
    """Features (T-1, F) float32 of joint positions (T, J, 3); the last frame gives velocities only.

    The clip is put on the floor and turned to face +Z at its first frame. target_offsets (J, 3): give every clip the
    bone lengths of this skeleton first, as HumanML3D does. Raises ValueError for fewer than two frames.
    """
    if target_offsets is not None:
        joints = uniform_skeleton(joints, target_offsets, spec)
    joints = _canonical(joints, spec)
    heading = _heading_rotations(joints, spec, smooth=True)
    local = _bone_rotations(joints, heading, spec)
    return _rows(joints, heading, rot.to_6d(local[:, 1:]).reshape(len(joints), -1), spec)


def motion_to_features(motion: Motion, rotation_channels: str = "local") -> np.ndarray:
    """Features (T-1, 263) float32 of a motion.

    rotation_channels: "local" puts the motion's own rotations of joints 1..21 relative to their parents into the 6D
    block; "humanml3d" puts HumanML3D's rotations there, which are found from positions and know no twist.
    """
    joints = motion.joints()
    if rotation_channels == "humanml3d":
        return joints_to_features(joints)
    if rotation_channels != "local":
        raise ValueError(f"rotation_channels is 'local' or 'humanml3d', not {rotation_channels!r}")
    joints = _canonical(joints, HUMANML3D)
    six = rot.to_6d(motion.rotations[:, 1:].astype(np.float64)).reshape(motion.frames, -1)
    return _rows(joints, _heading_rotations(joints, HUMANML3D, smooth=True), six, HUMANML3D)


def facing(joints: np.ndarray) -> np.ndarray:
    """World-to-heading rotations (T, 4) of joints (T, 22, 3) wherever they are and whichever way they face."""
    heading = _heading_rotations(np.asarray(joints, dtype=np.float64), HUMANML3D, smooth=True)
    if len(heading) > 1:
        heading[0] = heading[1]  # which HumanML3D forces to +Z
    return heading


def features_along(joints: np.ndarray, heading: np.ndarray, local: np.ndarray | None = None) -> np.ndarray:
    """Features (T-1, 263) of joints (T, 22, 3) with these headings (T, 4).

    local: (T, 21, 4) rotations of joints 1..21 for the 6D channels; without, they are HumanML3D's.
    """
    turns = _bone_rotations(joints, heading, HUMANML3D)[:, 1:] if local is None else local
    return _rows(joints, heading, rot.to_6d(turns).reshape(len(joints), -1), HUMANML3D)


def features_to_joints(features: np.ndarray) -> np.ndarray:
    """Joint positions (T, J, 3) float64 from features (T, F): HumanML3D's "recover from ric"."""
    heading, root = root_motion(features)
    count = (features.shape[1] + 1) // 12
    positions = features[:, 4 : 4 + 3 * (count - 1)].reshape(len(features), -1, 3).astype(np.float64)
    world = rot.rotate(rot.conjugate(heading)[:, None], positions) + root[:, None] * _ACROSS_GROUND
    return np.concatenate([root[:, None], world], axis=1)


def features_to_joints_by_rotation(
    features: np.ndarray, offsets: np.ndarray, spec: FeatureSpec = HUMANML3D
) -> np.ndarray:
    """Joint positions (T, J, 3) from HumanML3D's own 6D block and bone offsets (J, 3): "recover from rot"."""
    heading, root = root_motion(features)
    six = features[:, spec.blocks["six_d"]].reshape(len(features), -1, 6).astype(np.float64)
    return _chain_positions(np.concatenate([heading[:, None], rot.from_6d(six)], axis=1), root, offsets, spec)


def local_rotations(features: np.ndarray) -> np.ndarray:
    """Rotations (T, 22, 4) relative to the parents, from features (T, 263) whose rotation channels are "local".

    Joint 0 is the identity: its rotation is not among the features.
    """
    q = rot.from_6d(features[:, SIX_D].reshape(len(features), -1, 6).astype(np.float64))
    return np.concatenate([np.broadcast_to(rot.IDENTITY, (len(q), 1, 4)), q], axis=1)


def root_motion(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """World-to-heading rotations (T, 4) and root positions (T, 3), summed up from features (T, F)."""
    half_yaw = np.concatenate([[0.0], np.cumsum(features[:-1, 0].astype(np.float64))])
    heading = np.stack([np.cos(half_yaw), 0 * half_yaw, np.sin(half_yaw), 0 * half_yaw], axis=-1)
    step = np.zeros((len(features), 3))
    step[1:, [0, 2]] = features[:-1, VELOCITY]
    position = np.cumsum(rot.rotate(rot.conjugate(heading), step), axis=0)
    position[:, 1] = features[:, 3]
    return heading, position


def uniform_skeleton(joints: np.ndarray, target_offsets: np.ndarray, spec: FeatureSpec = HUMANML3D) -> np.ndarray:
    """The same poses (T, J, 3) with the bone lengths of target_offsets (J, 3); the root path scales with the legs."""
    joints = np.asarray(joints, dtype=np.float64)
    source = skeleton_offsets(joints[0], spec)
    leg = [spec.chains[0][2], spec.chains[0][3]]
    scale = np.abs(target_offsets[leg]).max(axis=-1).sum() / np.abs(source[leg]).max(axis=-1).sum()
    local = _bone_rotations(joints, _heading_rotations(joints, spec, smooth=False), spec)
    return _chain_positions(local, joints[:, 0] * scale, target_offsets, spec)


def skeleton_offsets(pose: np.ndarray, spec: FeatureSpec = HUMANML3D) -> np.ndarray:
    """Raw offsets (J, 3) with the bone lengths of one pose (J, 3)."""
    lengths = np.zeros(spec.joints)
    for chain in spec.chains:
        for parent, child in zip(chain[:-1], chain[1:], strict=True):
            lengths[child] = np.linalg.norm(pose[child] - pose[parent])
    offsets: np.ndarray = spec.raw_offsets * lengths[:, None]
    return offsets


def _canonical(joints: np.ndarray, spec: FeatureSpec) -> np.ndarray:
    """The clip with its lowest point at height 0, its root starting above the origin, facing +Z at frame 0."""
    joints = np.asarray(joints, dtype=np.float64)
    if len(joints) < 2:
        raise ValueError("features need at least two frames")
    joints = joints - joints[0, 0] * _ACROSS_GROUND - joints[..., 1].min() * _Y
    r_hip, l_hip, r_shoulder, l_shoulder = joints[0, list(spec.face)]
    forward = np.cross(_Y, rot.normalize(r_hip - l_hip + r_shoulder - l_shoulder))
    return rot.rotate(_turn_to_z(forward)[None, None], joints)


def _turn_to_z(forward: np.ndarray) -> np.ndarray:
    """Turn (..., 4) about +Y that takes level directions (..., 3) to +Z; straight backwards included."""
    return rot.from_axis_angle(_Y, -rot.arctan2(forward[..., 0], forward[..., 2]))


def _heading_rotations(joints: np.ndarray, spec: FeatureSpec, smooth: bool) -> np.ndarray:
    """World-to-heading rotation of each frame (T, 4)."""
    r_hip, l_hip, r_shoulder, l_shoulder = (joints[:, joint] for joint in spec.face)
    # HumanML3D unpacks the four in the wrong order, so hips count against shoulders. That defines its headings.
    across = (l_hip - r_hip) + (r_shoulder - l_shoulder)
    forward = np.cross(_Y, rot.normalize(across))
    if smooth:
        # Before normalising: a leaning body counts for less, as in HumanML3D.
        forward = _gaussian_smooth(forward, _SMOOTHING_SIGMA)
    heading = _turn_to_z(forward)
    if smooth:
        heading[0] = rot.IDENTITY
    # HumanML3D leaves the sign as it is. Its yaw velocity then has the wrong sign in the frame where the body faces
    # straight backwards, and the rest of the path is turned: the one quirk that is not kept.
    return rot.continuous(heading)


def _gaussian_smooth(values: np.ndarray, sigma: float) -> np.ndarray:
    """Along axis 0, edges repeated, kernel cut at four sigma (what scipy's gaussian_filter1d does in mode nearest)."""
    radius = int(4 * sigma + 0.5)
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    padded = np.concatenate([np.repeat(values[:1], radius, axis=0), values, np.repeat(values[-1:], radius, axis=0)])
    return np.stack([np.convolve(column, kernel, mode="valid") for column in padded.T], axis=-1)


def _bone_rotations(joints: np.ndarray, heading: np.ndarray, spec: FeatureSpec) -> np.ndarray:
    """HumanML3D's inverse kinematics: (T, J, 4), joint c's rotation belongs to the bone that ends in c.

    Every chain starts from the heading, arms included, although they branch off the spine.
    """
    local = np.tile(rot.IDENTITY, (*joints.shape[:2], 1))
    local[:, 0] = heading
    for chain in spec.chains:
        world = heading
        for parent, child in zip(chain[:-1], chain[1:], strict=True):
            bone = joints[:, child] - joints[:, parent]
            turn = rot.between(np.broadcast_to(spec.raw_offsets[child], bone.shape), bone)
            local[:, child] = rot.multiply(rot.conjugate(world), turn)
            world = rot.multiply(world, local[:, child])
    return local


def _chain_positions(local: np.ndarray, root: np.ndarray, offsets: np.ndarray, spec: FeatureSpec) -> np.ndarray:
    """The forward kinematics that belongs to `_bone_rotations`."""
    positions = np.zeros((*local.shape[:2], 3))
    positions[:, 0] = root
    for chain in spec.chains:
        world = local[:, 0]
        for parent, child in zip(chain[:-1], chain[1:], strict=True):
            world = rot.multiply(world, local[:, child])
            positions[:, child] = positions[:, parent] + rot.rotate(world, offsets[child])
    return positions


def _rows(joints: np.ndarray, heading: np.ndarray, six: np.ndarray, spec: FeatureSpec) -> np.ndarray:
    count = len(joints) - 1
    moved = joints[1:] - joints[:-1]
    velocity = rot.rotate(heading[1:], moved[:, 0])
    turned = rot.multiply(heading[1:], rot.conjugate(heading[:-1]))
    half_yaw = np.arcsin(np.clip(turned[:, 2:3], -1, 1))
    positions = rot.rotate(heading[:, None], joints - joints[:, :1] * _ACROSS_GROUND)
    resting = np.sum(moved[:, list(spec.feet)] ** 2, axis=-1) < spec.contact_threshold
    rows = [
        half_yaw, velocity[:, [0, 2]], joints[:-1, 0, 1:2], positions[:-1, 1:].reshape(count, -1), six[:-1],
        rot.rotate(heading[:-1, None], moved).reshape(count, -1), resting,
    ]  # fmt: skip
    features: np.ndarray = np.concatenate(rows, axis=1).astype(np.float32)
    return features
