# SPDX-License-Identifier: Apache-2.0
"""The same movement on skeletons of other zero poses, sizes and axes gives the same motion."""

from dataclasses import replace

import numpy as np
import pytest
from foreign import clip_of
from gaits import gesture, walk
from hypothesis import given, settings
from hypothesis import strategies as st

from moclip.errors import MoclipError
from moclip.files.bodies import understood
from moclip.files.bvh import Bvh
from moclip.files.bvh_poses import resample
from moclip.files.joint_maps import JOINT_MAPS, find_joint_map
from moclip.files.retarget import retarget
from moclip.motion import rotations as rot
from moclip.motion.motion import Motion
from moclip.motion.skeleton import JOINT_INDEX, JOINT_NAMES, PARENTS, REST_OFFSETS

OURS = next(m for m in JOINT_MAPS if m.name == "ours")
ANGLE = {"x": np.array([1.0, 0.0, 0.0]), "y": np.array([0.0, 1.0, 0.0]), "z": np.array([0.0, 0.0, 1.0])}
Z_UP = rot.from_axis_angle(ANGLE["x"], np.radians(90.0))  # Y up, facing +Z -> Z up, facing -Y; left stays +X


def turned(axis: str, degrees: float) -> np.ndarray:
    return rot.from_axis_angle(ANGLE[axis], np.radians(degrees))


def source(motion: Motion, zero: dict[str, np.ndarray], world: np.ndarray = rot.IDENTITY, scale: float = 1.0) -> Bvh:
    """The motion as a file of a skeleton whose zero pose has joint j's bones turned by zero[j], seen by axes `world`.

    Bone directions in the world must stay: world_source * (zero * offset) = world_ours * offset.
    """
    return replace(clip_of(motion, world=world, scale=scale, zero=zero), ends={})


def on_the_floor(motion: Motion) -> np.ndarray:
    joints = motion.joints().astype(np.float64)
    return joints - [0, joints[..., 1].min(), 0]


def arms_down(degrees: float) -> dict[str, np.ndarray]:
    limbs = {"left": -degrees, "right": degrees}
    return {f"{side}_{part}": turned("z", a) for side, a in limbs.items() for part in ("shoulder", "elbow", "wrist")}


@settings(max_examples=12, deadline=None)
@given(degrees=st.floats(0, 88), scale=st.sampled_from([1.0, 100.0, 39.37]), seed=st.integers(0, 4))
def test_zero_poses_from_t_to_hanging_arms_give_the_same_motion(degrees, scale, seed):
    motion = walk(40, 3.0, seed)
    result = retarget(source(motion, arms_down(degrees), scale=scale), OURS)
    assert np.abs(result.joints() - on_the_floor(motion)).max() < 1e-3
    apart = rot.angle_between(result.rotations.astype(np.float64), motion.rotations.astype(np.float64))
    assert np.degrees(apart).max() < 0.2


def test_bent_limbs_of_a_zero_pose_are_straightened_by_the_hinge():
    """An exporter's zero pose with knees and elbows bent about their own axes."""
    motion = walk(40)
    zero = {f"{side}_knee": turned("x", 30) for side in ("left", "right")}
    zero |= {f"{side}_elbow": turned("y", -30 if side == "left" else 30) for side in ("left", "right")}
    result = retarget(source(motion, zero), OURS)
    # Feet and hands follow the limb that they end, so what they hold is not asked for here.
    limbs = [
        JOINT_INDEX[f"{s}_{p}"] for s in ("left", "right") for p in ("knee", "ankle", "elbow", "wrist", "shoulder")
    ]
    between = result.joints()[:, limbs] - result.joints()[:, :1]
    assert np.abs(between - (motion.joints()[:, limbs] - motion.joints()[:, :1])).max() < 1e-3


def test_left_is_plus_x_and_forwards_is_plus_z():
    raised = retarget(source(gesture(40, 16, 150), arms_down(80), scale=100), OURS).joints()
    wrists = raised[20, [JOINT_INDEX["left_wrist"], JOINT_INDEX["right_wrist"]]]
    assert wrists[0, 1] > wrists[1, 1] + 0.5  # it is the left hand that goes up
    assert wrists[0, 0] > 0 > wrists[1, 0]
    path = retarget(source(walk(40), arms_down(80)), OURS).root_translation
    assert path[-1, 2] - path[0, 2] == pytest.approx(39 * 0.05, abs=1e-3)


@pytest.mark.parametrize("degrees", [0.0, 80.0])
def test_files_with_z_up_stand_upright_and_walk_forwards(degrees):
    motion = walk(40, 2.0, seed=1)
    result = retarget(source(motion, arms_down(degrees), world=Z_UP, scale=100), OURS)
    assert np.abs(result.joints() - on_the_floor(motion)).max() < 1e-3


def test_someone_lying_in_a_y_up_file_stays_lying():
    motion = gesture(30, 16, 60)
    lying = motion.rotations.copy()
    lying[:, 0] = turned("x", 90)
    result = retarget(source(Motion(20.0, lying, motion.root_translation), {}), OURS).joints()
    assert np.ptp(result[..., 1]) < 0.6  # shoulders' width and arm, not a body's height
    assert abs(result[0, JOINT_INDEX["head"], 2] - result[0, 0, 2]) > 0.4


def test_strides_fit_our_legs_whatever_the_actors_size():
    motion = walk(40)
    child = retarget(source(motion, {}, scale=0.6), OURS)
    assert np.abs(child.joints() - on_the_floor(motion)).max() < 1e-3


@settings(max_examples=15, deadline=None)
@given(fps=st.sampled_from([12.0, 24.0, 29.97, 30.0, 60.0, 120.0]), frames=st.integers(2, 200))
def test_another_frame_rate_keeps_the_duration(fps, frames):
    motion = walk(frames)
    bvh = source(Motion(fps, motion.rotations, motion.root_translation), {})
    result = resample(bvh)
    seconds = (frames - 1) / fps  # from the first frame to the last
    assert seconds - 0.05 < (result.frames - 1) / 20.0 <= seconds + 1e-6
    if result.frames > 2:  # and the same place at the same time
        moment = (result.frames - 1) / 20.0 * fps * 0.05
        assert result.positions[-1, 0, 2] - bvh.positions[0, 0, 2] == pytest.approx(moment, abs=1e-6)


def test_joints_that_a_skeleton_lacks_are_filled_in():
    motion = walk(30)
    full = source(motion, {})
    left_out = {"Spine1", "Spine2", "Neck", "LeftShoulder", "RightShoulder", "LeftToeBase", "RightToeBase", "Head"}
    rotations, positions = full.world()
    rest = np.zeros((22, 3))
    for joint, parent in enumerate(PARENTS[1:], 1):
        rest[joint] = rest[parent] + full.offsets[joint]
    kept = [k for k, name in enumerate(full.names) if name not in left_out]
    parents, offsets, local = [], [], []
    for k in kept:
        parent = PARENTS[k]
        while parent >= 0 and parent not in kept:
            parent = PARENTS[parent]
        parents.append(kept.index(parent) if parent >= 0 else -1)
        offsets.append(np.zeros(3) if parent < 0 else rest[k] - rest[parent])
        inverse = rot.conjugate(rotations[:, parent]) if parent >= 0 else rot.IDENTITY
        local.append(rot.multiply(inverse, rotations[:, k]))
    names = tuple(full.names[k] for k in kept)
    moved = np.tile(np.array(offsets), (30, 1, 1))
    moved[:, 0] = positions[:, 0]
    simple = Bvh(names, tuple(parents), np.array(offsets), np.stack(local, axis=1), moved, 20.0, {})
    result = retarget(simple, find_joint_map(simple, "simple.bvh"))
    hands = [JOINT_INDEX["left_wrist"], JOINT_INDEX["right_ankle"]]
    assert (
        np.abs((result.joints() - motion.joints())[:, hands] - (result.joints() - motion.joints())[:, :1]).max() < 0.02
    )


def test_joints_of_no_known_names_are_found_by_the_shape_of_the_body_and_told():
    motion = walk(20)
    bvh = source(motion, arms_down(60.0))
    strange = replace(bvh, names=tuple(f"bone{k}" for k in range(22)))
    found = find_joint_map(strange, "strange.bvh")
    assert found.joints == {name: f"bone{k}" for k, name in enumerate(JOINT_NAMES)}
    assert "left_knee = bone4" in found.notes[0]
    assert np.abs(retarget(strange, found).joints() - retarget(bvh, OURS).joints()).max() < 1e-6


def test_an_unknown_skeleton_is_named_with_some_of_its_joints():
    bvh = source(walk(5), {})
    rng = np.random.default_rng(0)
    strange = replace(
        bvh, names=tuple(f"bone{k}" for k in range(22)), offsets=rng.normal(size=(22, 3)),
        positions=rng.normal(size=(5, 22, 3)),
    )  # fmt: skip
    with pytest.raises(MoclipError, match="bone0, bone1") as caught:
        find_joint_map(strange, "strange.bvh")
    assert caught.value.code == "unknown_skeleton" and "--joint-map" in caught.value.hint


@pytest.mark.parametrize("yaw", [0.0, 35.0, -100.0])
def test_a_zero_pose_that_is_no_body_gives_way_to_a_frame_that_stands(tmp_path, yaw):
    """A skeleton whose bones all lie along one axis until its channels turn them."""
    motion = gesture(40, 16, 100)
    facing = motion.rotations.copy()
    facing[:, 0] = rot.multiply(turned("y", yaw), facing[:, 0])
    motion = Motion(20.0, facing, motion.root_translation)
    straight = {name: rot.between(along, X_AXIS) for name, along in _bones().items()}
    bvh = source(motion, straight, scale=100)
    found = understood(bvh, tmp_path / "m.bvh", None)[1]
    assert found.reference is not None and "is not that of a body" in found.notes[0]
    result = retarget(bvh, found)
    # Where nobody stands in a T-pose, how limbs are turned about themselves is not known; where they are is.
    limbs = [k for name, k in JOINT_INDEX.items() if name.split("_")[-1] in ("knee", "ankle", "elbow", "wrist")]
    apart = (result.joints() - result.joints()[:, :1]) - (motion.joints() - motion.joints()[:, :1])
    assert np.abs(apart[:, limbs]).max() < 0.05


X_AXIS = np.array([1.0, 0.0, 0.0])


def _bones() -> dict[str, np.ndarray]:
    """The direction of each limb's bone in the T-pose."""
    ends = {
        "hip": "knee",
        "knee": "ankle",
        "ankle": "foot",
        "collar": "shoulder",
        "shoulder": "elbow",
        "elbow": "wrist",
    }
    return {f"{s}_{a}": REST_OFFSETS[JOINT_INDEX[f"{s}_{b}"]] for s in ("left", "right") for a, b in ends.items()}


def test_ends_of_limbs_serve_as_ankles_and_wrists():
    motion = walk(30)
    full = source(motion, {})
    kept = [k for k, name in enumerate(JOINT_NAMES) if name.split("_")[-1] not in ("ankle", "wrist", "foot")]
    ends = {}
    for side in ("left", "right"):
        for limb, end in (("knee", "ankle"), ("elbow", "wrist")):
            ends[kept.index(JOINT_INDEX[f"{side}_{limb}"])] = full.offsets[JOINT_INDEX[f"{side}_{end}"]]
    short = Bvh(
        tuple(full.names[k] for k in kept), tuple(kept.index(PARENTS[k]) if k else -1 for k in kept),
        full.offsets[kept], full.rotations[:, kept], full.positions[:, kept], 20.0, ends,
    )  # fmt: skip
    larger, found = understood(short, "short.bvh", None)
    assert "ends of its limbs" in found.notes[0] and larger.names[:16] == short.names
    limbs = [JOINT_INDEX[f"{s}_{j}"] for s in ("left", "right") for j in ("ankle", "wrist")]
    result = retarget(larger, found).joints()
    assert np.abs((result - result[:, :1]) - (motion.joints() - motion.joints()[:, :1]))[:, limbs].max() < 1e-3


def with_hip_joints(bvh: Bvh, turn: np.ndarray) -> Bvh:
    """The same movement by hips that turn by (T, 4) and hip joints and a lower back that turn back."""
    hips, spine = bvh.rotations.copy(), [JOINT_INDEX[j] for j in ("left_hip", "right_hip", "spine1")]
    hips[:, 0] = rot.multiply(hips[:, 0], turn)
    names, parents = (*bvh.names, "LHipJoint", "RHipJoint", "LowerBack"), list(bvh.parents) + [0, 0, 0]
    order = [0, 22, 23, 24, *range(1, 22)]
    for k, child in enumerate(spine):
        parents[child] = 22 + k
    back = np.stack([rot.conjugate(turn)] * 3, axis=1)
    nothing = np.zeros((bvh.frames, 3, 3))
    return Bvh(
        tuple(names[k] for k in order), tuple(order.index(parents[k]) if parents[k] >= 0 else -1 for k in order),
        np.concatenate([bvh.offsets, np.zeros((3, 3))])[order], np.concatenate([hips, back], axis=1)[:, order],
        np.concatenate([bvh.positions, nothing], axis=1)[:, order], bvh.fps, {},
    )  # fmt: skip


@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_hips_whose_turns_are_undone_face_where_legs_and_trunk_say(axis):
    motion = walk(30)
    turns = rot.from_axis_angle(ANGLE[axis], np.radians(np.linspace(70, 100, 30)))
    bvh = with_hip_joints(source(motion, {}), turns)
    result = retarget(bvh, replace(OURS, joints={**OURS.joints, "spine1": "Spine"}))
    apart = rot.angle_between(result.rotations.astype(np.float64), motion.rotations.astype(np.float64))
    assert np.degrees(apart).max() < 0.2
    assert np.abs(result.joints() - on_the_floor(motion)).max() < 1e-3


@pytest.mark.parametrize("up", ["x", "z"])
def test_any_axis_of_the_rest_may_be_up(up):
    motion = walk(40, 2.0, seed=1)
    world = rot.between(np.array([0.0, 1.0, 0.0]), ANGLE[up])
    result = retarget(source(motion, arms_down(80), world=world, scale=100), OURS)
    low = result.joints()[..., 1]
    assert low.max() > 1.3 and abs(low.min()) < 1e-6
    pairs = [(JOINT_INDEX[a], JOINT_INDEX[b]) for a, b in (("head", "left_ankle"), ("left_wrist", "right_foot"))]
    for a, b in pairs:
        lengths = [np.linalg.norm(m.joints()[:, a] - m.joints()[:, b], axis=-1) for m in (result, motion)]
        assert np.abs(lengths[0] - lengths[1]).max() < 1e-3


def test_legs_without_length_are_refused():
    bvh = source(walk(5), {})
    with pytest.raises(MoclipError, match="legs"):
        retarget(Bvh(bvh.names, bvh.parents, bvh.offsets * 0, bvh.rotations, bvh.positions * 0, 20.0, {}), OURS)
