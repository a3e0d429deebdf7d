# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from gaits import gesture, walk
from hypothesis import given, settings
from hypothesis import strategies as st

from moclip.captions.labels import ActionLabel, label_clip, label_of_name, mirrored, peaks, strikes, waving_side
from moclip.data import sequences as sq
from moclip.data.screening import faces_where_it_goes, forward_alignment, longest_unbroken, repeated_cycle
from moclip.data.variants import Clip, sequences, single_actions, variants, whole
from moclip.motion import rotations as rot
from moclip.motion.motion import Motion
from moclip.motion.skeleton import MIRROR

L, R = "left", "right"


@pytest.mark.parametrize(
    ("stem", "label"),
    [
        ("dataset-1_walk_normal_001", ActionLabel("walk", None, None)),
        ("dataset-1_walk-left_masculinity_003", ActionLabel("walk_left", "masculine", None)),
        ("dataset-1_dance-short_not-confident_001", ActionLabel("dance", "not-confident", None)),
        ("dataset-2_walk-turn-right_elderly_010", ActionLabel("turn_right", "elderly", None)),
        ("dataset-2_raise-up-both-hands_youthful_002", ActionLabel("raise_hand", "youthful", "both")),
        ("dataset-2_wave-left-hand_normal_021", ActionLabel("wave", None, "left")),
        ("train_basketball_signal_3", ActionLabel("basketball_signals", None, None)),
        ("train_directing_traffic_1", ActionLabel("direct_traffic", None, None)),
        ("humanoid3d_getup_facedown", ActionLabel("get_up", None, None)),
        ("holiday", None),
        ("dataset-1_yodel_normal_001", None),
    ],
)
def test_labels_are_read_from_file_names(stem, label):
    assert label_of_name(stem) == label


@pytest.mark.parametrize(
    ("label", "mirror"),
    [
        (ActionLabel("wave", "old", L), ActionLabel("wave", "old", R)),
        (ActionLabel("raise_hand", None, "both"), ActionLabel("raise_hand", None, "both")),
        (ActionLabel("turn_left", None, None), ActionLabel("turn_right", None, None)),
        (ActionLabel("walk_right", None, None), ActionLabel("walk_left", None, None)),
        (ActionLabel("bow", None, None), ActionLabel("bow", None, None)),
    ],
)
def test_mirrored_labels_swap_sides_and_back(label, mirror):
    assert mirrored(label) == mirror and mirrored(mirror) == label


def test_straightening_takes_the_steady_turn_out_and_nothing_else():
    straight = walk(100)
    yaw = np.radians(0.5) * np.arange(straight.frames)
    turn = rot.from_axis_angle(np.array([0.0, 1.0, 0.0]), yaw)
    rotations = straight.rotations.astype(np.float64)
    rotations[:, 0] = rot.multiply(turn, rotations[:, 0])
    step = rot.rotate(turn[:-1], np.diff(straight.root_translation.astype(np.float64), axis=0))
    root = np.concatenate([straight.root_translation[:1], straight.root_translation[0] + np.cumsum(step, axis=0)])
    back = sq.straightened(Motion(straight.fps, rotations, root))
    np.testing.assert_allclose(back.joints(), sq.straightened(straight).joints(), atol=1e-4)
    assert abs(sq.heading(back.rotations[[0, -1], 0]) @ [-1, 1]) < np.radians(3)
    single = sq.cut(straight, 0, 2)
    assert sq.straightened(single) is single


def test_the_waving_hand_is_found_where_the_name_is_silent():
    stem = "dataset-1_bye_normal_001"
    assert label_clip(stem, gesture(60, 16, 150)).side == "left"
    assert label_clip(stem, gesture(60, 17, 150)).side == "right"
    assert waving_side(gesture(60, 17, 10)) is None


def kicks(joint: int, at: tuple[int, ...], frames: int = 120) -> Motion:
    angles = np.zeros((frames, 22, 3))
    for centre in at:
        angles[:, joint, 0] -= 80 * np.exp(-(((np.arange(frames) - centre) / 4) ** 2))
    return Motion(20.0, rot.from_euler_deg(angles, "XYZ"), np.tile([0, 0.95, 0], (frames, 1)))


def test_each_kick_is_cut_out_with_its_leg():
    label = ActionLabel("kick", None, None)
    found = strikes(kicks(2, (30, 85)), label)
    assert [(first < 30 < end, first < 85 < end) for first, end, _ in found] == [(True, False), (False, True)]
    assert {sided.side for _, _, sided in found} == {"right"}
    assert label_clip("dataset-1_kick_normal_001", kicks(1, (40,))).side == "left"


@pytest.mark.parametrize(("arms", "side"), [((16, 17), None), ((17,), "right")])
def test_a_sword_in_both_hands_has_no_side(arms, side):
    angles = np.zeros((60, 22, 3))
    swing = np.exp(-(((np.arange(60) - 30) / 4) ** 2))
    for joint in (16, 17):  # from a T-pose forwards, with the hands together or apart
        angles[:, joint, 1] = (-1 if joint == 16 else 1) * (110 if len(arms) == 2 else 60)
    for joint in arms:
        angles[:, joint, 0] = -60 * swing
    motion = Motion(20.0, rot.from_euler_deg(angles, "XYZ"), np.tile([0, 0.95, 0], (60, 1)))
    found = strikes(motion, ActionLabel("slash", None, None))
    assert [sided.side for _, _, sided in found] and {sided.side for _, _, sided in found} == {side}


def test_peaks_are_apart_and_above_the_threshold():
    values = np.array([0, 5, 4, 0, 0, 3, 0, 0, 0, 9, 0.5])
    assert peaks(values, threshold=2, gap=3) == [1, 5, 9]
    assert peaks(values, threshold=2, gap=5) == [1, 9]


@settings(max_examples=10, deadline=None)
@given(turn=st.floats(-5, 5), seed=st.integers(0, 9))
def test_the_mirror_image_flips_positions_and_twice_is_the_same(turn, seed):
    motion = walk(20, turn, seed)
    image = sq.mirror(motion)
    flipped = motion.joints()[:, list(MIRROR)] * [-1, 1, 1]
    # The rest skeleton itself is a little lopsided, as HumanML3D's is: a few millimetres.
    assert np.abs(image.joints() - flipped).max() < 0.03
    assert np.array_equal(sq.mirror(image).rotations, motion.rotations)
    assert np.array_equal(sq.mirror(image).root_translation, motion.root_translation)


def steps(motion: Motion) -> np.ndarray:
    """Largest joint displacement of each frame, in metres."""
    return np.linalg.norm(np.diff(motion.joints().astype(np.float64), axis=0), axis=-1).max(axis=1)


def test_a_join_goes_on_where_and_whither_the_first_ends():
    first, second = walk(40, 2.0), walk(50, 0.0, seed=1)
    joined = sq.join(first, second, blend=8)
    assert joined.frames == 40 + 50 - 8
    assert np.array_equal(joined.rotations[:32], first.rotations[:32])
    # No jump: nowhere faster than in the parts, by more than the blend itself needs.
    assert steps(joined).max() < 1.6 * max(steps(first).max(), steps(second).max())
    # The first turned by 2 degrees a frame; the second then goes straight on in about the heading of the blend.
    end = joined.root_translation[-1] - joined.root_translation[45]
    assert np.degrees(np.arctan2(end[0], end[2])) == pytest.approx(2.0 * 36, abs=4)


def test_a_blend_goes_one_way_round():
    """Two arms half a turn apart that move past it while they are blended: the short way round changes sides."""
    angles = np.zeros((20, 22, 3))
    angles[:, 17, 1] = np.linspace(-12, 12, 20)  # passes 0 in the middle of the overlap
    first = Motion(20.0, rot.from_euler_deg(angles, "XYZ"), np.zeros((20, 3)))
    angles[:, 17, 1] = 180
    second = Motion(20.0, rot.from_euler_deg(angles, "XYZ"), np.zeros((20, 3)))
    joined = sq.join(sq.cut(first, 0, 14), second, blend=8)
    turned = rot.angle_between(
        joined.rotations[1:, 17].astype(np.float64), joined.rotations[:-1, 17].astype(np.float64)
    )
    assert np.degrees(turned).max() < 60  # 180 degrees in 9 steps, eased in and out


def test_matched_joins_prefer_alike_poses():
    first, second = walk(60), walk(60)
    joined = sq.join_matched(first, second, np.random.default_rng(0))
    assert steps(joined).max() < 1.1 * steps(first).max()


def test_stretching_keeps_the_path_and_changes_the_time():
    motion = walk(60, 1.0)
    slow = sq.stretch(motion, 1.5)
    assert slow.frames == 90
    assert np.allclose(slow.root_translation[[0, -1]], motion.root_translation[[0, -1]], atol=1e-5)
    assert steps(slow).max() == pytest.approx(steps(motion).max() / 1.5, rel=0.1)


@pytest.mark.parametrize("frames", [50, 120, 196])
def test_a_looped_walk_walks_on(frames):
    motion = walk(70)
    looped = sq.loop(motion, frames, np.random.default_rng(1))
    assert looped.frames == frames
    assert steps(looped).max() < 1.25 * steps(motion).max()
    assert looped.root_translation[-1, 2] - looped.root_translation[0, 2] == pytest.approx(0.05 * frames, rel=0.1)


def test_a_clip_too_short_for_a_cycle_is_not_looped():
    assert sq.loop(walk(20), 100, np.random.default_rng(0)) is None


def test_a_flipped_pelvis_is_cut_out():
    motion = walk(100)
    flip = rot.from_axis_angle(np.array([0.0, 1.0, 0.0]), np.array(np.pi))
    rotations = motion.rotations.astype(np.float64)
    rotations[60:, 0] = rot.multiply(flip[None], rotations[60:, 0])
    sound = longest_unbroken(Motion(20.0, rotations, motion.root_translation))
    assert sound.frames == 57 and np.array_equal(sound.root_translation, motion.root_translation[:57])
    assert longest_unbroken(motion) is motion


def test_a_walk_that_faces_backwards_is_not_a_walk():
    forwards = walk(60)
    backwards = Motion(20.0, forwards.rotations, forwards.root_translation * [1, 1, -1])
    assert forward_alignment(forwards) == pytest.approx(1.0, abs=1e-6)
    assert forward_alignment(backwards) == pytest.approx(-1.0, abs=1e-6)
    assert not faces_where_it_goes(backwards, ActionLabel("walk", None, None))
    assert faces_where_it_goes(backwards, ActionLabel("walk_backward", None, None))


def test_a_single_cycle_is_repeated_and_half_a_cycle_is_not():
    period = 8 * np.pi  # of the made-up gait: sin(t / 4)
    jog = ActionLabel("jog", None, None)
    cycle = walk(round(period) + 1)
    repeated = repeated_cycle(cycle, jog, frames=100)
    assert repeated.frames >= 100 and steps(repeated).max() < 1.3 * steps(cycle).max()
    assert repeated_cycle(walk(round(period / 2)), jog, frames=100) is None
    assert repeated_cycle(cycle, ActionLabel("bow", None, None), frames=100) is None


def clip(motion: Motion, action: str, side: str | None = None) -> Clip:
    return Clip(motion, (ActionLabel(action, None, side),), f"{action}-1", "clip", "")


def test_variants_reach_long_requests_and_keep_their_labels():
    rng = np.random.default_rng(0)
    made = list(variants(clip(walk(70), "run"), [], rng, rare=True))
    assert len(made) == 8 and {c.kind for c in made} == {"loop"} and max(c.motion.frames for c in made) > 100
    base = clip(kicks(2, (30, 85)), "kick")
    units = single_actions(base)
    made = list(variants(base, units, rng, rare=True))
    assert len(units) == 2 and {c.labels[0] for c in made} == {ActionLabel("kick", None, "right")}
    assert max(c.motion.frames for c in made) > 60 and len({c.suffix for c in made}) == len(made)


def test_variants_of_a_walk_that_veers_veer():
    for one in variants(clip(walk(70, 0.6), "walk_left"), [], np.random.default_rng(0), rare=True):
        yaw = np.degrees(np.unwrap(sq.heading(one.motion.rotations[:, 0].astype(np.float64))))
        assert yaw[-1] - yaw[0] > 35 and one.labels[0].action == "walk_left"
    straight = list(variants(clip(walk(70), "walk_left"), [], np.random.default_rng(0), rare=True))
    assert {one.kind for one in straight} == {"loop"}


def test_whoever_waits_before_the_dance_is_no_dancer():
    frames, waiting = 900, 300
    angles = np.zeros((frames, 22, 3))
    angles[waiting:, [16, 17], 2] = 60 * np.sin(np.arange(frames - waiting) / 3)[:, None]
    motion = Motion(20.0, rot.from_euler_deg(angles, "XYZ"), np.tile([0, 0.95, 0], (frames, 1)))
    clip = Clip(motion, (ActionLabel("dance", None, None),), "dance_1", "clip", "")
    parts = [*whole(clip), *variants(clip, [clip], np.random.default_rng(0), rare=True)]
    assert len(list(whole(clip))) == 5  # of six windows; the one from 7.5 s on is half a dance
    for part in parts:
        moves = np.abs(np.diff(part.motion.joints(), axis=0)).max(axis=(1, 2)) > 0.01
        assert moves.mean() > 0.15 and part.motion.frames <= 240


def test_sequences_show_two_different_actions_of_the_clips_given():
    units = [clip(walk(80), "walk"), clip(gesture(70, 16, 150), "wave", "left"), clip(walk(90, seed=3), "run")]
    made = list(sequences(units, 12, np.random.default_rng(0)))
    assert len(made) >= 10
    for sequence in made:
        first, second = sequence.labels
        assert first != second and sequence.source == f"{first.action}-1+{second.action}-1"
        assert 50 <= sequence.motion.frames <= 197
    image = made[0].mirror()
    assert image.mirrored and image.labels == tuple(mirrored(label) for label in made[0].labels)
