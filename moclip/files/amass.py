# SPDX-License-Identifier: Apache-2.0
"""SMPL parameters as AMASS, SMPL-X and video trackers write them: axis angles of a body whose rest is a T-pose.

Our skeleton has SMPL's 22 body joints, so rotations carry over; hands, face and the body's shape (betas) are left out.
The shape would need the SMPL model, which nobody may pass on: see `moclip.files.smpl` for those who have it.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from moclip.errors import MoclipError
from moclip.files.bvh import Bvh
from moclip.files.joint_maps import JointMap
from moclip.files.reading import AXES, Given, Reading, told_up
from moclip.files.retarget import fitted
from moclip.motion import rotations as rot
from moclip.motion.skeleton import JOINT_NAMES, PARENTS

_TRANSLATIONS = ("trans", "transl", "root_translation", "translation", "smpl_trans")
_POSES = ("poses", "fullpose", "full_pose", "smpl_poses", "pose")
_ROOTS, _BODIES = ("root_orient", "global_orient"), ("pose_body", "body_pose")
_RATES = ("mocap_framerate", "mocap_frame_rate", "fps", "framerate", "frame_rate", "mocap_fps")
_USUAL_FPS = 30.0
MEAN_BODY = np.array([
    (0.0, 0.0, 0.0), (0.0586, -0.0823, -0.0177), (-0.0603, -0.0905, -0.0135), (0.0044, 0.1244, -0.0384),
    (0.0435, -0.3865, 0.0080), (-0.0433, -0.3837, -0.0048), (0.0045, 0.1380, 0.0268), (-0.0148, -0.4269, -0.0374),
    (0.0191, -0.4200, -0.0346), (-0.0023, 0.0560, 0.0029), (0.0411, -0.0603, 0.1220), (-0.0348, -0.0621, 0.1303),
    (-0.0134, 0.2116, -0.0335), (0.0717, 0.1140, -0.0189), (-0.0830, 0.1125, -0.0237), (0.0101, 0.0889, 0.0504),
    (0.1229, 0.0452, -0.0190), (-0.1132, 0.0469, -0.0085), (0.2553, -0.0156, -0.0229), (-0.2601, -0.0144, -0.0313),
    (0.2657, 0.0127, -0.0074), (-0.2691, 0.0068, -0.0060),
])  # fmt: skip
"""(22, 3) the joints of the mean body, metres from the parent."""
_Y, _Z = AXES["y"], AXES["z"]


def is_smpl(held: Mapping[str, np.ndarray]) -> bool:
    """Whether these arrays are SMPL parameters of a motion."""
    return any(name in held for name in (*_POSES, *_BODIES)) and "rotations" not in held


def motion_of_smpl(path: Path, held: Mapping[str, np.ndarray], given: Given) -> Reading:
    """Raises MoclipError, with the name of the array, for parameters that do not fit one another."""
    rotations = _rotations(path, held)
    name = next((n for n in _TRANSLATIONS if n in held), None)
    notes = [] if name else ["It has no translation; the body stays in place."]
    root = np.asarray(held[name], dtype=np.float64) if name else np.zeros((len(rotations), 3))
    root = root.reshape(-1, 3) if root.size == 3 * len(rotations) else root
    if root.shape != (len(rotations), 3):
        raise _bad(path, f"its {name} has shape {root.shape} for {len(rotations)} frames")
    if not (np.isfinite(root).all() and np.isfinite(rotations).all()):
        raise _bad(path, "some of its numbers are not finite")
    fps = given.fps or next((float(held[n]) for n in _RATES if n in held and held[n].size == 1), 0.0)
    if not fps > 0:
        fps = _USUAL_FPS
        notes.append(f"It does not say its frame rate; {fps:g} frames a second are taken.")
    positions = np.tile(MEAN_BODY, (len(root), 1, 1))
    positions[:, 0] = root
    clip = Bvh(JOINT_NAMES, PARENTS, MEAN_BODY, rotations, positions, fps, {})
    up = given.up_axis
    if up is None:
        up = _up(clip, z_is_usual=any(n in held for n in _POSES))
        notes += told_up(rot.between(up, _Y))
    joint_map = JointMap("SMPL", {joint: joint for joint in JOINT_NAMES})
    motion, _ = fitted(clip, joint_map, fps, up=up, scale=given.scale)
    return Reading(motion, tuple(notes))


def _rotations(path: Path, held: Mapping[str, np.ndarray]) -> np.ndarray:
    """(T, 22, 4) of the body's joints; of the file's numbers that make no whole joints nothing can be said."""
    poses = next((np.asarray(held[n]) for n in _POSES if n in held), None)
    if poses is None:
        body = _joints_of(path, next(np.asarray(held[n]) for n in _BODIES if n in held))
        name = next((n for n in _ROOTS if n in held), None)
        root = _joints_of(path, np.asarray(held[name])) if name else np.tile(rot.IDENTITY, (len(body), 1, 1))
        if len(root) != len(body):
            raise _bad(path, f"its {name} has {len(root)} frames and its body {len(body)}")
        poses = np.concatenate([root, body], axis=1)
    else:
        poses = _joints_of(path, poses)
    if poses.shape[1] < 22:
        raise _bad(path, f"it has the poses of {poses.shape[1]} joints, not of a body's 22")
    return poses[:, :22]


def _joints_of(path: Path, poses: np.ndarray) -> np.ndarray:
    """(T, J, 4) of axis angles (T, 3J) or (T, J, 3), or of matrices (T, J, 3, 3)."""
    poses = poses.astype(np.float64)
    if len(poses) and poses.ndim >= 3 and poses.shape[-2:] == (3, 3) and poses.ndim == 4:
        return rot.from_matrix(poses)
    if not len(poses) or poses.ndim not in (2, 3) or poses.size % (3 * len(poses)):
        raise _bad(path, f"its poses have shape {poses.shape}")
    turns = poses.reshape(len(poses), -1, 3)
    angle = np.linalg.norm(turns, axis=-1)
    return rot.from_axis_angle(turns / np.where(angle > 1e-12, angle, 1.0)[..., None], angle)


def _up(clip: Bvh, *, z_is_usual: bool) -> np.ndarray:
    """The axis along which the body mostly stands; where it does not, Z, as in AMASS, or Y, as elsewhere."""
    _, positions = clip.world()
    standing = rot.normalize((positions[:, JOINT_NAMES.index("head")] - positions[:, 0]).mean(axis=0))
    axis = int(np.argmax(np.abs(standing)))
    if abs(standing[axis]) > 0.8 and (axis != 0):
        up: np.ndarray = np.sign(standing[axis]) * np.eye(3)[axis]
        return up
    return _Z if z_is_usual else _Y


def _bad(path: Path, why: str) -> MoclipError:
    return MoclipError(f"'{path}' does not hold a motion: {why}.", hint="Write it again.", code="damaged_file")
