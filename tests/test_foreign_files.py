# SPDX-License-Identifier: Apache-2.0
"""BVH files as other programs write one walk: the same walk, and what was guessed is told."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from foreign import BIPED, MIXAMO, NUMBERED, UNREAL, clip_of, with_joint, write
from gaits import walk

from moclip.errors import MoclipError
from moclip.files.bvh import BVH_NAMES, Bvh, write_bvh
from moclip.files.foreign import Given, load_bvh_motion
from moclip.files.formats import load_motion, read_motion
from moclip.motion import rotations as rot
from moclip.motion.motion import Motion
from moclip.motion.skeleton import JOINT_NAMES

CASES = Path(os.environ.get("MOCLIP_SHARED", Path(__file__).resolve().parents[2] / "shared")) / "cases" / "bvh"
X, Y, Z = np.eye(3)
Z_UP = rot.from_axis_angle(X, np.radians(90.0))
SAID = {
    "blender_roundtrip_1": "Z is up", "blender_roundtrip_001": "metres", "z_up_own_names": "Z is up",
    "metres": "metres", "inches": "inches", "hips_turn_undone_by_hipjoints": "hip joints undo",
    "joint_namespace": "", "joint_spaces": "", "mixamo1": "", "lowercase_names": "", "root_title": "",
    "lower_channels": "", "frames_upper": "", "one_frame": "", "one_glitch_frame": "Frame 11 is 50 m away",
    "frames_less": "promises 80 frames and holds 100", "last_line_cut": "Line 234, the last, is cut",
    "frametime0": "Line 134 has a frame time of 0", "nan_value": "Line 140 (frame 6)",
    "decimal_comma": "decimal commas", "own_clips/my_walk_01": "",
}  # fmt: skip


@pytest.mark.shared
@pytest.mark.parametrize("name", SAID)
def test_cases_of_others_are_the_same_walk(name):
    if not CASES.is_dir():
        pytest.skip("the cases are not here")
    plain, reading = load_motion(CASES / "own_clips" / "my_walk_01.bvh"), read_motion(CASES / f"{name}.bvh")
    motion = reading.motion
    assert motion.frames == {"one_frame": 1, "last_line_cut": 99}.get(name, 100)
    assert motion.fps == pytest.approx(30.0 if name == "frametime0" else 20.0, rel=1e-4)
    apart = np.abs(motion.joints() - plain.joints()[: motion.frames]).max(axis=(1, 2))
    # Hips that turn are another skeleton, which is put on the floor; that a frame is made anew is seen.
    near = {"hips_turn_undone_by_hipjoints": 0.03, "one_glitch_frame": 0.02, "nan_value": 0.002}.get(name, 2e-4)
    assert apart.max() < near
    if SAID[name]:
        assert SAID[name] in " ".join(reading.notes)
    else:
        assert reading.notes == ()


@pytest.mark.shared
def test_joints_of_others_are_read():
    if not CASES.is_dir():
        pytest.skip("the cases are not here")
    joints, motion = np.load(CASES / "joints_22x3.npy"), load_motion(CASES / "joints_22x3.npy")
    assert np.linalg.norm(motion.joints() - joints, axis=-1).mean() < 0.015


def same(reading_or_motion, motion: Motion, floor: bool = False) -> float:
    result = getattr(reading_or_motion, "motion", reading_or_motion)
    joints = motion.joints().astype(np.float64)
    if floor:
        joints = joints - [0, joints[..., 1].min(), 0]
    return float(np.abs(result.joints() - joints).max())


@pytest.mark.parametrize("world", [rot.IDENTITY, Z_UP, rot.from_axis_angle(Z, np.radians(-90.0))], ids="yzx")
@pytest.mark.parametrize(
    ("scale", "unit"),
    [(100.0, ""), (1.0, "metres"), (1 / 0.0254, "inches"), (1000.0, "millimetres"), (7.0, "0.1429 metres")],
)
def test_our_files_in_any_units_and_axes_are_as_they_were(tmp_path, world, scale, unit):
    motion = walk(40, 2.0, seed=3)
    for names in (BVH_NAMES, {j: f"Actor 1:{n.lower()}" for j, n in BVH_NAMES.items()}):
        reading = read_motion(write(clip_of(motion, names, world=world, scale=scale), tmp_path / "m.bvh"))
        assert same(reading, motion) < 2e-4 and reading.motion.fps == 20.0
        told = " ".join(reading.notes)
        assert unit in told and ("is up" in told) == (world is not rot.IDENTITY)


def test_our_own_files_feet_survive_other_units(tmp_path):
    motion = walk(30)
    write_bvh(motion, tmp_path / "own.bvh")
    from moclip.files.bvh import read_bvh

    bvh = read_bvh(tmp_path / "own.bvh")
    ends = {k: rot.rotate(Z_UP, end) * 0.01 for k, end in bvh.ends.items()}
    turned = Bvh(
        bvh.names, bvh.parents, rot.rotate(Z_UP, bvh.offsets) * 0.01,
        rot.multiply(rot.multiply(Z_UP, bvh.rotations), rot.conjugate(Z_UP)), rot.rotate(Z_UP, bvh.positions) * 0.01,
        bvh.fps, ends,
    )  # fmt: skip
    other, own = load_motion(write(turned, tmp_path / "other.bvh")), load_motion(tmp_path / "own.bvh")
    assert np.degrees(rot.angle_between(*(m.rotations.astype(np.float64) for m in (other, own)))).max() < 0.05
    assert same(other, own) < 1e-4


@pytest.mark.parametrize("names", [MIXAMO, BIPED, UNREAL, NUMBERED], ids=["mixamo", "biped", "unreal", "numbered"])
def test_skeletons_of_others_are_the_same_walk(tmp_path, names):
    motion = walk(40, 2.0)
    down = {f"{s}_{p}": rot.from_axis_angle(Z, np.radians(a)) for s, a in (("left", -50), ("right", 50))
            for p in ("shoulder", "elbow", "wrist")}  # fmt: skip
    clip = with_joint(clip_of(motion, names, zero=down), "Tail", names["pelvis"], (0, 0, -20))
    reading = read_motion(write(clip, tmp_path / "m.bvh"))
    assert same(reading, motion, floor=True) < 1e-3
    assert ("by the shape of the body" in " ".join(reading.notes)) == (names is NUMBERED)


def changed(bvh: Bvh, frame: int, move: np.ndarray) -> Bvh:
    positions = bvh.positions.copy()
    positions[frame, 0] += move
    return replace(bvh, positions=positions)


@pytest.mark.parametrize("frame", [0, 17, 39])
@pytest.mark.parametrize("way", [-Y, X])
def test_a_frame_that_leaps_away_is_mended_and_told_of(tmp_path, frame, way):
    motion = walk(40, 2.0)
    clip = with_joint(clip_of(motion, MIXAMO), "mixamorig:Tail", MIXAMO["pelvis"], (0, 0, -20))
    reading = read_motion(write(changed(clip, frame, way * 5000.0), tmp_path / "m.bvh"))
    assert f"Frame {frame + 1} is 50 m away" in " ".join(reading.notes)
    assert same(reading, motion, floor=True) < 0.06
    others = np.delete(np.arange(40), frame)
    joints = motion.joints() - [0, motion.joints()[..., 1].min(), 0]
    assert np.abs(reading.motion.joints() - joints)[others].max() < 0.01


def test_somebody_fast_does_not_leap(tmp_path):
    motion = walk(40, 2.0)
    clip = clip_of(motion)
    positions = clip.positions.copy()
    positions[:, 0, 2] += np.arange(40) * 60.0  # 12 m/s
    reading = read_motion(write(replace(clip, positions=positions), tmp_path / "m.bvh"))
    assert reading.notes == () and reading.motion.root_translation[-1, 2] > 20


def test_a_pose_before_the_motion_is_left_out_and_told_of(tmp_path):
    motion = walk(41, 2.0)
    hanging = motion.rotations.copy()
    for side, angle in (("left", -75), ("right", 75)):
        joint = JOINT_NAMES.index(f"{side}_shoulder")
        hanging[:, joint] = rot.multiply(rot.from_axis_angle(Z, np.radians(angle)), hanging[:, joint])
    hanging[0] = rot.IDENTITY
    walking = Motion(20.0, hanging, motion.root_translation)
    for names, fps in ((BVH_NAMES, 20.0), (MIXAMO, 60.0)):
        clip = clip_of(replace(walking, fps=fps), names)
        reading = read_motion(write(clip, tmp_path / "m.bvh"))
        assert "first frame is a pose" in reading.notes[0] and reading.motion.frames == 40
        later = replace(walking, rotations=hanging[1:], root_translation=motion.root_translation[1:])
        assert same(reading, later) < 1e-3
    start = replace(walking, rotations=hanging[1:], root_translation=motion.root_translation[1:])
    assert read_motion(write(clip_of(start), tmp_path / "m.bvh")).notes == ()


def test_the_files_own_rate_stays_unless_another_is_asked_for(tmp_path):
    clip = with_joint(clip_of(replace(walk(61), fps=60.0), MIXAMO), "mixamorig:Tail", MIXAMO["pelvis"], (0, 0, -20))
    path = write(clip, tmp_path / "m.bvh")
    assert (read_motion(path).motion.fps, read_motion(path).motion.frames) == (pytest.approx(60.0), 61)
    assert (load_motion(path).fps, load_motion(path).frames) == (20.0, 21)
    assert load_bvh_motion(path).frames == 21


def test_what_the_user_says_goes_before_what_is_guessed(tmp_path):
    motion = walk(30)
    world = rot.from_axis_angle(X, np.radians(90.0))
    clip = with_joint(clip_of(motion, MIXAMO, world=world, scale=50.0), "mixamorig:Tail", MIXAMO["pelvis"], (0, 0, -9))
    reading = read_motion(write(clip, tmp_path / "m.bvh"), Given(up="Z", scale=0.02, fps=10.0))
    assert same(reading, motion, floor=True) < 1e-3 and reading.motion.fps == 10.0 and reading.notes == ()
    half = read_motion(tmp_path / "m.bvh", Given(scale=0.01)).motion
    assert np.ptp(half.root_translation[:, 2]) == pytest.approx(np.ptp(motion.root_translation[:, 2]) / 2, rel=1e-3)
    with pytest.raises(MoclipError, match="'w' is no axis"):
        read_motion(tmp_path / "m.bvh", Given(up="w"))


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_joints_that_have_places_and_no_rotations_are_solved(tmp_path, scale):
    motion = walk(40)
    joints = motion.joints().astype(np.float64)
    names = tuple(MIXAMO.values())
    order = list(MIXAMO)
    lines = ["HIERARCHY", "ROOT world", "{", "OFFSET 0 0 0", "CHANNELS 3 Xposition Yposition Zposition"]
    for name in names:
        lines += [f"JOINT {name}", "{", "OFFSET 0 0 0", "CHANNELS 3 Xposition Yposition Zposition",
                  "End Site", "{", "OFFSET 0 0 0", "}", "}"]  # fmt: skip
    lines += ["}", "MOTION", "Frames: 40", "Frame Time: 0.05"]
    places = joints[:, [JOINT_NAMES.index(j) for j in order]] * scale
    lines += ["0 0 0 " + " ".join(f"{x:.6f}" for x in frame.reshape(-1)) for frame in places]
    (tmp_path / "m.bvh").write_text("\n".join(lines) + "\n")
    reading = read_motion(tmp_path / "m.bvh")
    assert "places and no rotations" in " ".join(reading.notes) and reading.motion.fps == pytest.approx(20.0)
    assert np.linalg.norm(reading.motion.joints() - joints, axis=-1).max() < 0.03
