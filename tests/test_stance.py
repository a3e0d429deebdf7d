# SPDX-License-Identifier: Apache-2.0
"""How feet stand: slopes of the skeleton's lines where soles are flat."""

import numpy as np
import pytest

from moclip.files.bvh import BVH_NAMES, read_bvh, write_bvh
from moclip.files.foreign import load_bvh_motion
from moclip.files.formats import load_motion
from moclip.motion import rotations as rot
from moclip.motion.motion import Motion
from moclip.motion.skeleton import JOINT_INDEX
from moclip.motion.stance import USUAL, flat, slope, stance_of, usual_if_near

FPS = 20.0


def standing_motion(slopes_deg=(38.0, 38.0), toes_deg=(22.0, 22.0), frames=40) -> Motion:
    """Somebody who stands with feet and toes that slope so, and sways a little."""
    turns = np.tile(rot.IDENTITY, (frames, 22, 1))
    for side, foot, toe in zip(("left", "right"), slopes_deg, toes_deg, strict=True):
        turns[:, JOINT_INDEX[f"{side}_ankle"]] = rot.from_axis_angle(np.array([1.0, 0, 0]), np.radians(foot))
        turns[:, JOINT_INDEX[f"{side}_foot"]] = rot.from_axis_angle(np.array([1.0, 0, 0]), np.radians(toe - foot))
    sway = 0.002 * np.sin(np.arange(frames) / 6)
    root = np.stack([sway, np.full(frames, 1.0), 0 * sway], axis=1)
    motion = Motion(FPS, turns, root)
    return Motion(FPS, turns, root - [0, motion.joints()[..., 1].min(), 0])


def toes_of(motion):
    from moclip.motion.motion import world_rotations

    return rot.rotate(world_rotations(motion.rotations.astype(float))[:, [10, 11]], np.array([0.0, 0, 1]))


@pytest.mark.parametrize("slopes", [(38.0, 38.0), (4.0, 14.0), (0.0, 0.0), (45.0, 41.0)])
def test_slopes_are_those_of_the_feet_that_stand(slopes):
    motion = standing_motion(slopes, toes_deg=(20.0, 10.0))
    found = stance_of(motion.joints(), FPS, toes_of(motion))
    assert np.degrees(found.slopes) == pytest.approx(slopes, abs=0.1)
    assert np.degrees(found.toe_slopes) == pytest.approx((20.0, 10.0), abs=0.1)
    ankles = motion.joints()[:, [7, 8], 1]
    assert found.ankle == pytest.approx(ankles.mean(), abs=0.002)


def test_a_step_and_a_raised_heel_change_nothing():
    """One foot swings for half of the time, then rises on its toes: only what rests flat counts."""
    motion = standing_motion(frames=60)
    joints = motion.joints().astype(float)
    swing = np.arange(20, 40)
    joints[swing, 10] += np.stack([0 * swing, 0.1 + 0 * swing, 0.05 * (swing - 20)], axis=1)
    joints[swing, 7] += np.stack([0 * swing, 0.2 + 0 * swing, 0.05 * (swing - 20)], axis=1)
    joints[40:, [7, 10], 2] += 0.95
    joints[50:, 7, 1] += np.linspace(0.02, 0.1, 10)
    assert np.degrees(stance_of(joints, FPS).slopes[0]) == pytest.approx(38.0, abs=0.5)


def test_what_never_stands_flat_is_taken_as_usual():
    motion = standing_motion((80.0, 80.0))  # on the tips of the toes
    assert stance_of(motion.joints(), FPS) == USUAL
    flying = motion.joints() + np.arange(40)[:, None, None] * np.array([0, 0, 0.2])
    assert stance_of(flying, FPS) == USUAL


def test_a_foot_that_is_never_flat_is_as_the_other():
    joints = standing_motion((30.0, 62.0)).joints()  # the right one tiptoes
    assert np.degrees(stance_of(joints, FPS).slopes) == pytest.approx((30.0, 30.0), abs=0.1)


def test_a_single_pose_stands_as_it_is():
    motion = standing_motion((10.0, 12.0), frames=2)
    assert np.degrees(stance_of(motion.joints(), FPS).slopes) == pytest.approx((10.0, 12.0), abs=0.1)


def test_near_the_usual_slope_is_the_usual_one():
    near, far = (stance_of(standing_motion((s, 38.0)).joints(), FPS) for s in (43.0, 45.0))
    assert usual_if_near(near) == USUAL and usual_if_near(far) == far


def test_slope_is_below_the_horizontal():
    assert np.degrees(slope(np.array([[0, -1.0, 1.0], [0, 1.0, 1.0], [1.0, 0, 0], [0.0, 0, 0]]))) == pytest.approx(
        [45, -45, 0, 0]
    )


def test_a_moving_ankle_is_not_flat():
    ankles = np.zeros((10, 2, 3))
    ankles[:, 1, 1] = np.arange(10) * 0.05  # 1 m/s
    weights = flat(ankles, np.ones((10, 2), dtype=bool), FPS)
    assert (weights[:, 0] == 1).all() and (weights[:, 1] == 0).all()


# -- the files that other programs read --------------------------------------------------------------------------------


@pytest.mark.parametrize("slopes", [(38.0, 36.0), (4.0, 14.0)])
def test_a_written_file_rests_as_it_stands(tmp_path, slopes):
    """Somebody who stands flat has feet and toes that have not turned since the file's rest, whatever their slope."""
    motion = standing_motion(slopes)
    write_bvh(motion, tmp_path / "stands.bvh")
    bvh = read_bvh(tmp_path / "stands.bvh")
    turned, _ = bvh.world()
    for joint, foot in (("left_ankle", 0), ("right_ankle", 1), ("left_foot", 0), ("right_foot", 1)):
        index = bvh.names.index(BVH_NAMES[joint])
        assert np.degrees(rot.angle_between(turned[:, index], rot.IDENTITY)).max() < 0.05, joint
        if joint.endswith("foot"):
            rest = slope(bvh.offsets[index])
            assert np.degrees(rest) == pytest.approx(slopes[foot], abs=0.05)


@pytest.mark.parametrize("slopes", [(38.0, 36.0), (4.0, 14.0), (0.0, 0.0)])
def test_a_written_file_is_read_as_the_same_motion(tmp_path, slopes):
    """(0, 0) is how files rested before they stood: horizontal feet."""
    motion = standing_motion(slopes, toes_deg=(22.0, 5.0))
    write_bvh(motion, tmp_path / "stands.bvh")
    for again in (load_motion(tmp_path / "stands.bvh"), load_bvh_motion(tmp_path / "stands.bvh")):
        apart = rot.angle_between(again.rotations.astype(float), motion.rotations.astype(float))
        assert np.degrees(apart).max() < 0.1
        assert np.abs(again.joints() - motion.joints()).max() < 1e-4
        assert (again.offsets == motion.offsets).all()
