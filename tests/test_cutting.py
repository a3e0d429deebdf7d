# SPDX-License-Identifier: Apache-2.0
"""Takes cut by what happens in them. The takes are drawn here, so that it is known when what happens."""

import numpy as np
from gaits import gesture, walk

from moclip.captions.labels import ActionLabel
from moclip.data.cutting import pieces, standing_still
from moclip.data.posture import Posture, spans
from moclip.data.screening import breaks, sound_parts
from moclip.data.sequences import cut
from moclip.motion import rotations as rot
from moclip.motion.motion import Motion

STAND_M = 0.9


def bending(depth: np.ndarray) -> Motion:
    """Somebody whose knees bend so that the pelvis is `depth` metres (T,) lower, on feet that stay."""
    thigh = 0.4
    angle = np.degrees(np.arccos(np.clip(1 - depth / (2 * thigh), -1, 1)))
    angles = np.zeros((len(depth), 22, 3))
    angles[:, 16, 2], angles[:, 17, 2] = -80, 80
    for hip, knee, ankle in ((1, 4, 7), (2, 5, 8)):
        angles[:, hip, 0], angles[:, knee, 0], angles[:, ankle, 0] = -angle, 2 * angle, -angle
    root = np.stack([0 * depth, STAND_M - depth, 0 * depth], axis=1)
    return Motion(20.0, rot.from_euler_deg(angles, "XYZ"), root)


def label(action: str) -> ActionLabel:
    return ActionLabel(action, None, None)


def test_squats_are_cut_between_each_other_and_counted():
    time = np.arange(120)
    depth = 0.2 * (1 - np.cos(2 * np.pi * np.clip(time - 15, 0, 90) / 30))  # three of them, 30 frames each
    found = pieces(bending(depth), label("squat"))
    once = [piece for piece in found if piece.label.count == 1]
    assert len(once) == 3 and sorted({piece.label.count for piece in found}) == [1, 2, 3]
    for piece in once:
        height = piece.motion.root_translation[:, 1]
        assert height.min() < STAND_M - 0.38 and min(height[0], height[-1]) > STAND_M - 0.1
        assert 24 <= piece.motion.frames <= 45


def test_a_take_of_sitting_down_and_standing_up_gives_both_and_the_sitting():
    depth = 0.42 * np.interp(np.arange(200), [20, 40, 140, 160], [0, 1, 1, 0])
    found = {
        piece.label.action: piece.motion.root_translation[:, 1] for piece in pieces(bending(depth), label("sit_down"))
    }
    assert set(found) == {"sit_down", "stand_up", "sit"}
    assert found["sit_down"][0] > 0.88 and found["sit_down"][-1] < 0.5
    assert found["stand_up"][0] < 0.5 and found["stand_up"][-1] > 0.88
    assert np.ptp(found["sit"]) < 0.02


def test_half_sitting_on_a_high_stool_is_not_sitting_down():
    stool = bending(0.1 * np.sin(np.linspace(0, np.pi, 240)))
    assert pieces(stool, label("sit_down")) == []
    assert [piece.whole for piece in pieces(stool, label("sit"))] == [True]


def test_what_is_put_down_is_picked_up_backwards():
    depth = 0.5 * np.sin(np.linspace(0, np.pi, 60))
    found = {piece.label.action: piece.motion for piece in pieces(bending(depth), label("put_down"))}
    assert set(found) == {"put_down", "pick_up", "crouch"}
    assert np.array_equal(found["pick_up"].rotations[0], found["put_down"].rotations[-1])
    assert found["crouch"].root_translation[-1, 1] < 0.45


def test_a_stop_ends_before_somebody_runs_on():
    gone = np.interp(np.arange(120), [0, 50, 80, 120], [0.0, 3.0, 3.0, 6.0])
    still = gesture(120, 16, 0)
    moved = Motion(20.0, still.rotations, still.root_translation + np.stack([0 * gone, 0 * gone, gone], axis=1))
    (piece,) = pieces(moved, label("run_and_stop"))
    ahead = piece.motion.root_translation[:, 2]
    assert ahead[-1] - ahead[0] > 2.5 and np.ptp(ahead[-8:]) < 0.1


def test_other_actions_stay_whole():
    take = walk(100)
    (piece,) = pieces(take, label("salsa"))
    assert piece.whole and piece.motion is take


def test_where_somebody_stands_and_does_nothing_he_stands():
    take = gesture(60, 16, 140)
    waiting = [np.repeat(first[:1], 40, axis=0) for first in (take.rotations, take.root_translation)]
    quiet = Motion(
        20.0,
        np.concatenate([waiting[0], take.rotations]),
        np.concatenate([waiting[1], take.root_translation]),
    )
    (piece,) = standing_still(quiet, label("drink"))
    assert piece.label.action == "stand" and 36 <= piece.motion.frames <= 50
    assert standing_still(walk(60), label("drink")) == []


def test_somebody_with_a_foot_far_back_does_not_just_stand():
    still = gesture(60, 16, 0)
    lunge = still.rotations.copy()
    lunge[:, 2] = rot.from_euler_deg(np.array([50.0, 0.0, 0.0]), "XYZ")
    assert standing_still(still, label("dance")) and not standing_still(
        Motion(still.fps, lunge, still.root_translation), label("dance")
    )


def test_who_sits_on_a_high_stool_does_not_stand():
    still = gesture(60, 16, 0)
    bent = still.rotations.copy()
    hips, knees = (rot.from_euler_deg(np.array([degrees, 0.0, 0.0]), "XYZ") for degrees in (-60.0, 90.0))
    bent[:, [1, 2]], bent[:, [4, 5]] = hips, knees
    assert standing_still(Motion(still.fps, bent, still.root_translation), label("dance")) == []


def test_a_take_is_cut_where_its_heading_leaps_or_a_joint_glitches_and_all_sound_parts_are_kept():
    sound = walk(160)
    rotations = sound.rotations.astype(np.float64)
    turn = rot.from_axis_angle(np.array([0.0, 1.0, 0.0]), np.radians(40.0))
    rotations[100:, 0] = rot.multiply(np.broadcast_to(turn, rotations[100:, 0].shape), rotations[100:, 0])
    leaping = Motion(20.0, rotations, sound.root_translation)
    assert list(breaks(leaping)) == [99] and not len(breaks(sound))
    assert [part.frames for part in sound_parts(leaping, 40)] == [97, 57]
    root = sound.root_translation.copy()
    root[50] += (0.5, 0.0, 0.0)
    assert 49 in breaks(Motion(20.0, sound.rotations, root))


def test_postures():
    posture = Posture.of(bending(np.linspace(0, 0.5, 30)))
    assert posture.standing[0] and not posture.standing[-1] and posture.low[-1] and not posture.lying.any()
    straight = Posture.of(walk(60))
    assert abs(straight.velocity[30, 1] - 1.0) < 0.02 and abs(straight.velocity[30, 0]) < 0.02  # 5 cm a frame ahead
    assert spans(np.array([0, 1, 1, 1, 0, 1], dtype=bool), 2) == [(1, 4)]
    assert Posture.of(cut(walk(60), 0, 1)).speed.shape == (1,)
