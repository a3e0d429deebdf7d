# SPDX-License-Identifier: Apache-2.0
"""`Motion`s as parameters of SMPL-H and SMPL-X bodies, and back, by the model files that their users have.

A body's shape and joints are worked out by the package smplx. Nobody may pass the model files on; without one the
joints of the mean body serve.
"""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from moclip.errors import MoclipError
from moclip.files.amass import MEAN_BODY
from moclip.files.body_models import FIELDS, no_model, read_model
from moclip.motion import rotations as rot
from moclip.motion.motion import Motion, world_rotations
from moclip.motion.skeleton import CHILDREN, JOINT_COUNT, JOINT_NAMES, PARENTS

JOINTS = {"smplh": 52, "smplx": 55}
"""Of each kind of body; the first 22 are ours."""
SHAPES = {"smplh": 16, "smplx": 16}
"""Numbers of a body's shape that files have."""
_LEGS = (4, 5, 7, 8)
_Z_UP = rot.from_axis_angle(np.array([1.0, 0.0, 0.0]), np.array(np.pi / 2))
"""From Y up to AMASS's Z up; whoever faced +Z faces -Y."""


@dataclass(frozen=True)
class Body:
    """kind: "smplh" or "smplx". joints: (J, 3) of its rest, metres, Y up and facing +Z. betas: its shape's numbers."""

    kind: str
    joints: np.ndarray
    betas: np.ndarray

    @property
    def offsets(self) -> np.ndarray:
        """(22, 3) of our joints from their parents, the pelvis from nothing."""
        own = self.joints[:JOINT_COUNT]
        offsets: np.ndarray = own - own[np.maximum(PARENTS, 0)]
        return offsets


@dataclass(frozen=True)
class Parameters:
    """kind: as of a `Body`. poses: (T, J, 3) axis angles. trans: (T, 3) metres, Z up as in AMASS. gender: of the model
    that they are for."""

    kind: str
    fps: float
    poses: np.ndarray
    trans: np.ndarray
    betas: np.ndarray
    gender: str = "neutral"

    def arrays(self) -> dict[str, np.ndarray]:
        """As AMASS names them; SMPL-X's own add-on for Blender reads the same."""
        named: dict[str, np.ndarray] = {
            "trans": self.trans, "poses": self.poses.reshape(len(self.poses), -1), "betas": self.betas,
            "mocap_framerate": np.array(float(self.fps)), "gender": np.array(self.gender),
            "surface_model_type": np.array(self.kind),
        }  # fmt: skip
        if self.kind == "smplx":
            named |= {"root_orient": named["poses"][:, :3], "pose_body": named["poses"][:, 3:66]}
            named |= {"mocap_frame_rate": named["mocap_framerate"]}
        return named


def mean_body(kind: str) -> Body:
    """The body that serves where there is no model file. Of hands and face it knows nothing, nor do our motions."""
    joints = np.zeros((JOINT_COUNT, 3))
    for joint in range(1, JOINT_COUNT):
        joints[joint] = joints[PARENTS[joint]] + MEAN_BODY[joint]
    return Body(kind, joints, np.zeros(SHAPES[kind]))


def load_body(path: Path, betas: np.ndarray | None = None) -> Body:
    """A body of this shape by the model file of SMPL-H or SMPL-X (.npz, or .pkl of which no code is run).

    betas: (N,), as many as are given count. Raises MoclipError for a file that is missing, damaged or no such model,
    and where the package smplx is not installed.
    """
    return shaped(read_model(path), path, betas)


def shaped(held: Mapping[str, Any], path: Path, betas: np.ndarray | None = None) -> Body:
    """The same by what `read_model` found in the file."""
    parents = np.asarray(held["kintree_table"])[0].astype(np.int64)
    kind = next((kind for kind, count in JOINTS.items() if len(parents) == count), "")
    if not kind or tuple(parents[1:JOINT_COUNT]) != PARENTS[1:]:
        raise no_model(path, f"it has a skeleton of {len(parents)} joints, not SMPL-H's 52 or SMPL-X's 55")
    try:
        import torch
        from smplx.lbs import blend_shapes, vertices2joints
    except ImportError as error:
        raise MoclipError(
            "A body's shape is worked out by the package smplx, which is not installed.",
            hint='`pip install "moclip[smpl]"` installs it.',
            code="missing_package",
        ) from error
    vertices, shapes, regressor = (np.asarray(held[name], dtype=np.float64) for name in FIELDS[:3])
    count = len(vertices)
    if vertices.shape != (count, 3) or shapes.ndim != 3 or shapes.shape[:2] != (count, 3):
        raise no_model(path, f"its shapes {shapes.shape} do not fit its {count} vertices")
    if regressor.shape != (len(parents), count) or not all(np.isfinite(a).all() for a in (vertices, shapes, regressor)):
        raise no_model(path, f"its J_regressor {regressor.shape} does not fit its {count} vertices")
    own = np.zeros(SHAPES[kind])
    given = np.asarray(() if betas is None else betas, dtype=np.float64).ravel()[: len(own)]
    if not np.isfinite(given).all():
        raise MoclipError("A body's shape is made of finite numbers.", hint="Correct the betas.", code="bad_betas")
    own[: len(given)] = given
    used = min(len(own), shapes.shape[2])
    with torch.no_grad():
        shaped = torch.from_numpy(vertices)[None] + blend_shapes(
            torch.from_numpy(own[None, :used]), torch.from_numpy(np.ascontiguousarray(shapes[..., :used]))
        )
        joints = vertices2joints(torch.from_numpy(regressor), shaped)[0].numpy()
    return Body(kind, joints, own)


def to_smpl(motion: Motion, body: Body) -> Parameters:
    """The motion on this body: limbs point where they did, steps are as long as its legs have them.

    Where the motion has the body's own offsets, its joints are those that it had. Hands and face keep their rest.
    """
    offsets, world = body.offsets, world_rotations(motion.rotations.astype(np.float64))
    turned = rot.multiply(world, rot.conjugate(_bone_turns(motion.offsets, offsets)))
    turned = rot.multiply(_Z_UP, turned)
    local = turned.copy()
    for joint in range(1, JOINT_COUNT):
        local[:, joint] = rot.multiply(rot.conjugate(turned[:, PARENTS[joint]]), turned[:, joint])
    poses = np.zeros((motion.frames, JOINTS[body.kind], 3))
    poses[:, :JOINT_COUNT] = _axis_angles(local)
    scale = np.linalg.norm(offsets[list(_LEGS)], axis=1).sum() / _leg(motion.offsets)
    root = rot.rotate(_Z_UP, motion.root_translation.astype(np.float64) * scale)
    return Parameters(body.kind, motion.fps, poses, root - body.joints[0], body.betas)


def from_smpl(parameters: Parameters, body: Body, text: str = "") -> Motion:
    """The motion of a body as it is: its rotations, its bone lengths, its joints; Y up."""
    local = _quaternions(parameters.poses[:, :JOINT_COUNT])
    back = rot.conjugate(_Z_UP)
    local[:, 0] = rot.multiply(back, local[:, 0])
    root = rot.rotate(back, parameters.trans + body.joints[0])
    return Motion(parameters.fps, rot.continuous(rot.normalize(local)), root, body.offsets, text)


def posed_joints(parameters: Parameters, body: Body) -> np.ndarray:
    """(T, 22, 3) float64 metres of our joints, Z up as in AMASS: what smplx's models give as their first joints."""
    world = _quaternions(parameters.poses[:, :JOINT_COUNT].astype(np.float64))
    places = np.empty((*world.shape[:2], 3))
    places[:, 0] = parameters.trans + body.joints[0]
    for joint, offset in enumerate(body.offsets):
        if joint:
            parent = PARENTS[joint]
            places[:, joint] = places[:, parent] + rot.rotate(world[:, parent], offset)
            world[:, joint] = rot.multiply(world[:, parent], world[:, joint])
    return places


def read_parameters(path: Path) -> Parameters:
    """AMASS's parameters in an .npz file. Raises MoclipError for a file that is damaged or holds others."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            held = {name: arrays[name] for name in arrays.files if name in (*_KNOWN, *_RATES)}
        poses, trans = (np.asarray(held[name], dtype=np.float64) for name in ("poses", "trans"))
        fps = next(float(held[name]) for name in _RATES if name in held)
        betas = np.asarray(held.get("betas", ()), dtype=np.float64).ravel()
        gender = _word(held.get("gender", np.array("neutral")))
        poses = poses.reshape(len(poses), -1, 3)
    except (OSError, ValueError, KeyError, EOFError, TypeError, StopIteration, zipfile.BadZipFile) as error:
        raise MoclipError(
            f"'{path}' does not hold AMASS's poses, trans and mocap_framerate.",
            hint="Write it again.",
            code="damaged_file",
        ) from error
    kind = next((kind for kind, count in JOINTS.items() if poses.shape[1] == count), "")
    finite = np.isfinite(poses).all() and np.isfinite(trans).all()
    if not (kind and trans.shape == (len(poses), 3) and fps > 0 and finite):
        raise MoclipError(
            f"'{path}' has poses of shape {held['poses'].shape} and trans of shape {trans.shape}, which are no motion "
            "of SMPL-H or SMPL-X.",
            hint="Write it again.",
            code="damaged_file",
        )
    return Parameters(kind, fps, poses, trans, betas, gender)


def _word(array: np.ndarray) -> str:
    """Male, female or neutral, however it is held."""
    word = array.reshape(-1)[0] if array.size else "neutral"
    word = word.decode("utf-8", "replace") if isinstance(word, bytes) else str(word)
    return word if word in ("male", "female") else "neutral"


_KNOWN = ("poses", "trans", "betas", "gender")
_RATES = ("mocap_framerate", "mocap_frame_rate")


def _bone_turns(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """(22, 4): joint -> what takes our bone's direction to theirs; nothing for those that branch and for the spine."""
    turns = np.tile(rot.IDENTITY, (JOINT_COUNT, 1))
    for joint, children in enumerate(CHILDREN):
        if len(children) == 1 and JOINT_NAMES[joint].startswith(("left", "right")):
            turns[joint] = rot.between(ours[children[0]].astype(np.float64), theirs[children[0]])
    for side in ("left", "right"):  # hands and toes go on straight
        for end, limb in (("wrist", "elbow"), ("foot", "ankle")):
            turns[JOINT_NAMES.index(f"{side}_{end}")] = turns[JOINT_NAMES.index(f"{side}_{limb}")]
    return turns


def _axis_angles(q: np.ndarray) -> np.ndarray:
    """(..., 4) unit quaternions -> (..., 3), at most half a turn."""
    q = np.where(q[..., :1] < 0, -q, q)
    sine = np.linalg.norm(q[..., 1:], axis=-1, keepdims=True)
    angle = 2 * np.arctan2(sine, q[..., :1])
    turns: np.ndarray = q[..., 1:] * np.where(sine > 1e-12, angle / np.maximum(sine, 1e-12), 2.0)
    return turns


def _quaternions(turns: np.ndarray) -> np.ndarray:
    angle = np.linalg.norm(turns, axis=-1)
    return rot.from_axis_angle(turns / np.where(angle > 1e-12, angle, 1.0)[..., None], angle)


def _leg(offsets: np.ndarray) -> float:
    return float(np.linalg.norm(offsets[list(_LEGS)], axis=1).sum())
