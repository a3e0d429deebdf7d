# SPDX-License-Identifier: Apache-2.0
"""What is drawn onto recordings: wrists that reach, walks aslant, marches, limps, blows and jumps from a wall."""

import numpy as np
import pytest
from gaits import gesture, stepping, walk

from moclip.captions.labels import ActionLabel
from moclip.data.makers import arms
from moclip.data.makers.gaits import limped, marched, slanted
from moclip.data.making import made_clips
from moclip.data.making_drawn import DRAWN_MAKERS
from moclip.data.pool import Pool
from moclip.data.screening import sound_parts
from moclip.data.variants import Clip
from moclip.data.writer import DatasetWriter
from moclip.motion.motion import Motion
from moclip.motion.skeleton import JOINT_INDEX
from moclip.showing.going_rules import marches, unevenness
from moclip.showing.kinematics import kinematics_of
from moclip.showing.rules import RULES

ANKLES = [JOINT_INDEX["left_ankle"], JOINT_INDEX["right_ankle"]]


def stander(frames: int = 60) -> Motion:
    return gesture(frames, 16, 0)


def jump(frames: int = 60) -> Motion:
    """Stands, flies for half a second, stands."""
    still = stander(frames)
    root = still.root_translation.copy()
    root[20:31, 1] += 0.3 * np.sin(np.linspace(0, np.pi, 11))
    return Motion(still.fps, still.rotations, root)


def clip(motion: Motion, action: str, side: str | None = None, name: str = "a") -> Clip:
    return Clip(motion, (ActionLabel(action, None, side),), name, "clip", "")


def shoulders(joints: np.ndarray) -> np.ndarray:
    return joints[:, [JOINT_INDEX["left_shoulder"], JOINT_INDEX["right_shoulder"]]].mean(axis=1)


def test_a_way_goes_through_its_keys_and_stays_at_its_ends():
    way = arms.track(30, [(5, (0.0, 1.0)), (10, (2.0, 1.0)), (20, (2.0, -1.0))])
    assert np.allclose(way[[0, 5, 10, 20, 29]], [[0, 1], [0, 1], [2, 1], [2, -1], [2, -1]])
    weight = arms.eased(20, 2, 18, 4)
    assert weight[2] == 0 and weight[17] == 0 and weight[8] == 1 and np.all(np.diff(weight[2:8]) >= 0)


def test_wrists_go_where_they_are_told_and_other_joints_stay():
    body = walk(40, seed=1)
    places = {"left": np.tile([0.1, -0.15, 0.35], (40, 1)), "right": np.tile([-0.3, 0.2, 0.2], (40, 1))}
    made = arms.reaching(body, places, np.ones(40))
    before, after = body.joints().astype(np.float64), made.joints().astype(np.float64)
    others = [j for j in range(22) if j not in (18, 19, 20, 21)]
    assert np.abs(after[:, others] - before[:, others]).max() < 1e-5
    for side, wrist in (("left", 20), ("right", 21)):
        asked = np.linalg.norm(places[side][0])
        assert np.abs(np.linalg.norm(after[:, wrist] - shoulders(after), axis=1) - asked).max() < 0.01
    ahead = after[:, 20] - shoulders(after)
    assert (ahead[:, 2] > 0.2).all() and (after[:, 20, 0] > shoulders(after)[:, 0]).all()
    # Elbows hang; hinges bend as elbows do, the forearm towards the front.
    assert (after[:, 18, 1] < after[:, 16, 1]).all()
    assert np.array_equal(arms.reaching(body, places, np.zeros(40)).joints().round(4), body.joints().round(4))


def test_a_hand_too_far_away_is_reached_for():
    far = arms.reaching(stander(10), {"left": np.tile([0.2, 0.0, 3.0], (10, 1))}, np.ones(10)).joints()
    arm = np.linalg.norm(far[:, 20] - far[:, 16], axis=1)
    assert np.all(arm > 0.5) and np.all(arm < 0.53) and np.all(far[:, 20, 2] - far[:, 16, 2] > 0.45)


def test_shoulders_rise_and_arms_keep_their_way():
    body = stander(12)
    made = arms.shoulders_raised(body, np.full(12, 0.4))
    lift = made.joints()[:, [16, 17], 1] - body.joints()[:, [16, 17], 1]
    assert (lift > 0.03).all()
    hang = (made.joints()[:, 20] - made.joints()[:, 16]) - (body.joints()[:, 20] - body.joints()[:, 16])
    assert np.abs(hang).max() < 0.02


@pytest.mark.parametrize("degrees", [25.0, 40.0])
def test_a_slant_goes_aside_of_where_it_faces_on_the_same_feet(degrees):
    gait = stepping(80)
    made = slanted(gait, np.radians(degrees))
    assert abs(kinematics_of(made.joints()).drift - degrees) < 4
    assert np.abs(made.joints()[:, ANKLES] - gait.joints()[:, ANKLES]).max() < 0.06


def test_a_march_lifts_knees_and_never_both_feet():
    gait = stepping(100)
    made = marched(gait, 1.4, 1.3)
    assert not marches(gait.joints()) and marches(made.joints())
    least = made.joints()[:, ANKLES, 1].min(axis=1) - gait.joints()[:, ANKLES, 1].min(axis=1)
    assert least.max() < 0.08


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_limp_has_two_unlike_legs(side):
    gait = stepping(120)
    made = limped(gait, side, 0.2, 0.05, 1.5)
    assert unevenness(made.joints()) > 0.25 > unevenness(gait.joints()) + 0.1
    other = {"left": 1, "right": 0}[side]
    ahead = made.joints()[:, ANKLES, 2] - made.joints()[:, [0], 2]
    assert ahead[:, other].max() > ahead[:, 1 - other].max() + 0.1


@pytest.fixture(scope="module")
def pool() -> Pool:
    turning = arms.leaning(stander(40), arms.UP, arms.track(40, [(0, (-0.7,)), (20, (0.7,)), (39, (-0.7,))])[:, 0])
    guard = arms.reaching(stander(50), {"left": np.tile([0.12, 0.0, 0.3], (50, 1)),
                                        "right": np.tile([-0.12, 0.0, 0.3], (50, 1))}, np.ones(50))  # fmt: skip
    aside = walk(60)
    aside = Motion(aside.fps, aside.rotations, aside.root_translation[:, [2, 1, 0]] * [1.0, 1.0, 0.0])
    return Pool([*(clip(stepping(90 + k, 0.55 + 0.05 * k), "walk", None, f"w{k}") for k in range(3)),
                 clip(stander(), "stand", None, "s"), clip(stander(), "sit", None, "t"),
                 clip(guard, "fighting_stance", None, "g"), clip(turning, "twist_torso", None, "x"),
                 clip(jump(), "jump_forward", None, "j"), clip(aside, "basketball_dribble", None, "b")])  # fmt: skip


@pytest.mark.parametrize("maker", DRAWN_MAKERS, ids=lambda maker: maker.name)
def test_what_is_drawn_shows_what_it_is_called(pool, maker):
    made = [one for _, one in made_clips(pool, "train", maker, 12 / maker.clips, 0)]
    assert len(made) >= 6
    shown = []
    for one in made:
        joints = one.motion.joints()
        assert np.isfinite(joints).all() and all(label.action in RULES or label.action == "sit" for label in one.labels)
        label = one.labels[-1]
        name = f"{label.action}_{label.side}"
        shown.append(RULES.get(name, RULES[label.action])(joints))
    assert np.mean(shown) >= 0.5, shown
    recorded = {"brisk_walk", "twist_torso", "strafe"}
    assert {one.drawn for one in made} == {made[0].labels[-1].action not in recorded}


@pytest.mark.parametrize(("name", "recordings"), [("slash", {"g", "s"}), ("twists", {"x", "y"})])
def test_everybody_whom_a_clip_is_made_of_is_named(pool, name, recordings):
    """By that its licence and thanks are found."""
    twist = pool.of("twist_torso")[0]
    own = Pool([*pool.of("walk", "stand", "fighting_stance"), twist, clip(twist.motion, "twist_torso", None, "y")])
    maker = next(maker for maker in DRAWN_MAKERS if maker.name == name)
    told = [set(one.source.split("+")) for _, one in made_clips(own, "train", maker, 24 / maker.clips, 0)]
    assert any(recordings <= sources for sources in told)


def test_drawn_clips_are_marked_in_the_dataset(pool, tmp_path):
    from moclip.data.build import BuildOptions, BuildReport

    writer = DatasetWriter(tmp_path, BuildOptions(), [], BuildReport())
    claps = next(maker for maker in DRAWN_MAKERS if maker.name == "clap")
    _, one = next(made_clips(pool, "val", claps, 0.1, 0))
    line = writer.written("clap", one, "val", 2)
    assert line is not None and line["keyframed"] is True


def test_a_first_frame_from_elsewhere_is_cut_off():
    """As of a recording that still begins with the T-pose of its calibration."""
    gait = walk(80)
    rotations = gait.rotations.copy()
    rotations[0, [16, 17]] = (1.0, 0.0, 0.0, 0.0)
    rotations[1:, 16] = gesture(79, 16, 0).rotations[:, 16]
    rotations[1:, 17] = gesture(79, 16, 0).rotations[:, 17]
    (part,) = sound_parts(Motion(gait.fps, rotations, gait.root_translation), 40)
    assert 70 < part.frames < 80 and np.abs(part.joints()[0] - part.joints()[1]).max() < 0.2
