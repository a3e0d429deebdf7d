# SPDX-License-Identifier: Apache-2.0
"""HumanML3D's 263-d motion features, from joint positions and back.

Layout of a row: root yaw velocity (half angle, radians a frame) 1, root velocity on the ground 2, root height 1,
positions of joints 1..21 in the heading frame 63, 6D rotations of joints 1..21 126, joint velocities 66, foot contacts 4.
"""

import numpy as np

from moclip import rotations as rot
from moclip.motion import Motion
from moclip.skeleton import KINEMATIC_CHAINS, RAW_OFFSETS

YAW, VELOCITY, HEIGHT = slice(0, 1), slice(1, 3), slice(3, 4)
POSITIONS, SIX_D, JOINT_VELOCITY, CONTACTS = slice(4, 67), slice(67, 193), slice(193, 259), slice(259, 263)
BLOCKS = (YAW, VELOCITY, HEIGHT, POSITIONS, SIX_D, JOINT_VELOCITY, CONTACTS)
WIDTH = 263
_CONTACT_JOINTS = (7, 10, 8, 11)
_CONTACT_THRESHOLD = 0.002
_R_HIP, _L_HIP, _R_SHOULDER, _L_SHOULDER = 2, 1, 17, 16
_UP, _FORWARD = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])


def _gaussian_smooth(values, sigma):
    radius = int(4 * sigma + 0.5)
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    padded = np.concatenate([np.repeat(values[:1], radius, 0), values, np.repeat(values[-1:], radius, 0)])
    return np.stack([np.convolve(padded[:, k], kernel, mode="valid") for k in range(values.shape[1])], -1)


def _facing(across):
    return rot.normalize(np.cross(_UP, rot.normalize(across)))


def heading_rotations(joints):
    # HumanML3D unpacks the four face joints in the wrong order here, so that hips count against shoulders. Its
    # published features are defined by that, so it stays.
    across = (joints[:, _L_HIP] - joints[:, _R_HIP]) + (joints[:, _R_SHOULDER] - joints[:, _L_SHOULDER])
    return across


def joints_to_features(joints):
    joints, _ = _canonical(joints)
    root = _root_rotations(joints)
    local = _chain_rotations(joints, root)
    return _rows(joints, root, rot.to_6d(local[:, 1:]).reshape(len(joints), -1))


def _canonical(joints):
    joints = np.asarray(joints, dtype=np.float64).copy()
    joints[..., 1] -= joints[..., 1].min()
    joints -= joints[0, 0] * np.array([1, 0, 1])
    across = (joints[0, _R_HIP] - joints[0, _L_HIP]) + (joints[0, _R_SHOULDER] - joints[0, _L_SHOULDER])
    turn = rot.between(_facing(across) , _FORWARD)
    return rot.rotate(turn[None, None], joints), turn


def _root_rotations(joints):
    # Smoothed before it is normalised: a leaning body counts for less, as in HumanML3D.
    forward = np.cross(_UP, rot.normalize(heading_rotations(joints)))
    forward = rot.normalize(_gaussian_smooth(forward, 20))
    root = rot.between(forward, np.broadcast_to(_FORWARD, forward.shape))
    root[0] = rot.IDENTITY
    return root


def _chain_rotations(joints, root):
    local = np.zeros((*joints.shape[:2], 4))
    local[..., 0] = 1
    local[:, 0] = root
    for chain in KINEMATIC_CHAINS:
        world = root
        for parent, child in zip(chain[:-1], chain[1:], strict=True):
            bone = rot.normalize(joints[:, child] - joints[:, parent])
            q = rot.multiply(rot.conjugate(world), rot.between(np.broadcast_to(RAW_OFFSETS[child], bone.shape), bone))
            local[:, child] = q
            world = rot.multiply(world, q)
    return local


def _rows(joints, root, six):
    step = joints[1:, 0] - joints[:-1, 0]
    velocity = rot.rotate(root[1:], step)
    yaw = np.arcsin(np.clip(rot.multiply(root[1:], rot.conjugate(root[:-1]))[:, 2:3], -1, 1))
    ric = joints.copy()
    ric[..., [0, 2]] -= joints[:, :1, [0, 2]]
    ric = rot.rotate(root[:, None], ric)
    local_velocity = rot.rotate(root[:-1, None], joints[1:] - joints[:-1])
    feet = joints[:, _CONTACT_JOINTS]
    contacts = (np.sum((feet[1:] - feet[:-1]) ** 2, axis=-1) < _CONTACT_THRESHOLD).astype(np.float64)
    n = len(joints) - 1
    return np.concatenate([yaw, velocity[:, [0, 2]], joints[:-1, 0, 1:2], ric[:-1, 1:].reshape(n, -1), six[:-1],
        local_velocity.reshape(n, -1), contacts], axis=1).astype(np.float32)


def root_motion(features):
    yaw = np.concatenate([[0.0], np.cumsum(features[:-1, 0].astype(np.float64))])
    q = np.stack([np.cos(yaw), 0 * yaw, np.sin(yaw), 0 * yaw], -1)
    step = np.zeros((len(features), 3))
    step[1:, [0, 2]] = features[:-1, VELOCITY]
    position = np.cumsum(rot.rotate(rot.conjugate(q), step), axis=0)
    position[:, 1] = features[:, 3]
    return q, position


def features_to_joints(features):
    q, root = root_motion(features)
    ric = features[:, POSITIONS].reshape(len(features), -1, 3).astype(np.float64)
    world = rot.rotate(rot.conjugate(q)[:, None], ric)
    world[..., [0, 2]] += root[:, None, [0, 2]]
    return np.concatenate([root[:, None], world], axis=1)


def motion_to_features(motion: Motion, rotation_channels="local"):
    joints, _ = _canonical(motion.joints())
    root = _root_rotations(joints)
    if rotation_channels == "local":
        six = rot.to_6d(motion.rotations[:, 1:].astype(np.float64)).reshape(motion.frames, -1)
    else:
        six = rot.to_6d(_chain_rotations(joints, root)[:, 1:]).reshape(motion.frames, -1)
    return _rows(joints, root, six)


def local_rotations(features):
    q = rot.from_6d(features[:, SIX_D].reshape(len(features), 21, 6).astype(np.float64))
    one = np.broadcast_to(rot.IDENTITY, (len(q), 1, 4))
    return np.concatenate([one, q], axis=1)
