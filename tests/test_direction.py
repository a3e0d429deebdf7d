# SPDX-License-Identifier: Apache-2.0
"""Scripts of several prompts, and motions that continue from others or lead to them, by the embedded model."""

import numpy as np
import pytest
from gaits import walk as gait

from moclip.errors import MoclipError
from moclip.generate.pipeline import Request, TextToMotion
from moclip.motion.motion import Motion
from moclip.motion.rotations import continuous, from_axis_angle, multiply
from moclip.prompts.requests import Line

FPS = 20.0


@pytest.fixture(scope="module")
def engine() -> TextToMotion:
    return TextToMotion.load("embedded", runtime="onnx")


@pytest.fixture(scope="module")
def walk(engine: TextToMotion) -> Motion:
    return engine.generate([Request("a person walks forward", 7.0, 0)])[0].motion


def cut(motion: Motion, first: int, end: int) -> Motion:
    return Motion(motion.fps, motion.rotations[first:end], motion.root_translation[first:end], motion.offsets)


def bends(motion: Motion) -> np.ndarray:
    """(T-2,) the largest change of a joint's velocity, metres a frame squared."""
    return np.linalg.norm(np.diff(motion.joints(), 2, axis=0), axis=-1).max(axis=1)


def kept_frames(result) -> np.ndarray:
    first, end = result.new
    return np.r_[0:first, end : result.motion.frames]


@pytest.mark.parametrize("seconds", [0.2, 1.0, 2.35, 3.0])
def test_what_stays_is_not_changed_at_all(engine, walk, seconds):
    gap = round(seconds * FPS)
    before, after = cut(walk, 0, 40), cut(walk, 40 + gap, walk.frames)
    result = engine.generate([Request("a person walks forward", seconds, 1, before=before, after=after)])[0]
    assert result.new == (40, 40 + gap) and result.motion.frames == walk.frames
    kept = kept_frames(result)
    assert np.array_equal(result.motion.rotations[kept], walk.rotations[kept])
    assert np.array_equal(result.motion.root_translation[kept], walk.root_translation[kept])


def test_a_range_made_anew_joins_its_neighbours(engine, walk):
    result = engine.generate([Request("a person runs", 3.0, 0, before=cut(walk, 0, 40), after=cut(walk, 100, 140))])[0]
    bend = bends(result.motion)
    new = slice(*result.new)
    assert np.abs(result.motion.joints()[new] - walk.joints()[new]).max() > 0.3  # it is another motion
    joins = np.concatenate([bend[37:43], bend[97:103]])
    # No rougher than walking is: without the joining the feet would jump by 0.3 m and more.
    assert joins.max() < 1.3 * max(bends(walk).max(), bend[45:95].max())


def test_a_motion_continues_from_where_somebody_stands_and_faces(engine):
    walk, turned = gait(40), from_axis_angle(np.array([0.0, 1.0, 0.0]), np.radians(130.0))
    turns = walk.rotations.astype(float)
    turns[:, 0] = multiply(turned, turns[:, 0])
    before = Motion(FPS, turns, np.tile([3.0, 0.9, -5.0], (40, 1)))  # marches on the spot, facing back and left
    result = engine.generate([Request("a person walks forward", 3.0, 2, before=before)])[0]
    root = result.motion.joints()[:, 0]
    assert np.linalg.norm(root[40] - root[39]) < 0.08
    way = (root[-1] - root[39])[[0, 2]]
    ahead = np.array([np.sin(np.radians(130.0)), np.cos(np.radians(130.0))])
    assert way @ ahead / np.linalg.norm(way) > 0.9 and np.linalg.norm(way) > 1.0


def test_a_motion_leads_to_the_pose_in_which_another_begins(engine, walk):
    result = engine.generate([Request("a person waves", 2.0, 0, after=walk)])[0]
    assert result.new == (0, 40) and np.array_equal(result.motion.rotations[40:], walk.rotations)
    step = np.linalg.norm(result.motion.joints()[40] - result.motion.joints()[39], axis=-1)
    assert step.max() < 0.15


def test_a_single_pose_can_be_continued(engine, walk):
    result = engine.generate([Request("a person bows", 2.0, 0, before=cut(walk, 30, 31))])[0]
    assert result.motion.frames == 41
    assert np.linalg.norm(result.motion.joints()[1] - result.motion.joints()[0], axis=-1).max() < 0.1


def test_quaternions_do_not_flip_where_new_ones_follow(engine, walk):
    motion = engine.generate([Request("a person kicks", 3.0, 0, before=cut(walk, 0, 40))])[0].motion
    assert np.array_equal(continuous(motion.rotations), motion.rotations)


def test_bones_of_other_lengths_stay_what_they_are(engine, walk):
    tall = Motion(FPS, walk.rotations, 1.5 * walk.root_translation, 1.5 * walk.offsets)
    result = engine.generate([Request("a person walks forward", 2.0, 3, before=cut(tall, 0, 40))])[0]
    plain = engine.generate([Request("a person walks forward", 2.0, 3, before=cut(walk, 0, 40))])[0]
    assert np.abs(result.motion.joints() - 1.5 * plain.motion.joints()).max() < 1e-3


def test_what_lies_too_far_away_is_told(engine, walk):
    after = Motion(FPS, walk.rotations[:40], walk.root_translation[:40] + np.array([0, 0, 6.0], dtype=np.float32))
    result = engine.generate([Request("a person bows", 2.0, 0, before=cut(walk, 0, 20), after=after)])[0]
    assert any("may slide" in warning for warning in result.warnings)


def test_each_line_of_a_script_has_its_own_time(engine):
    lines = (Line("a person walks forward", 3.0), Line("a person bows", 2.5), Line("a person walks forward", 8.0))
    result = engine.generate([Request("Entrance", None, 0, lines)])[0]
    assert result.motion.frames == 270 and result.motion.text == "Entrance"  # longer than any single prompt's
    root = result.motion.joints()[:, 0]
    speed = np.linalg.norm(np.diff(root[:, [0, 2]], axis=0), axis=1) * FPS
    assert speed[10:50].mean() > 0.5 and speed[150:250].mean() > 0.5 and speed[75:95].mean() < 0.3
    unnamed = engine.generate([Request("", None, 0, lines[:2])])[0]
    assert unnamed.motion.text == "a person walks forward; a person bows"


def test_features_are_those_that_the_motions_are_made_of(engine):
    asked = [Request("a person walks and then waves", 4.0, 3), Request("someone dances", 2.3, 4)]
    features, results = engine.features(asked), engine.generate(asked)
    assert [len(f) for f in features] == [80, 48]  # whole tokens
    for made, result in zip(features, results, strict=True):
        assert len(made) == 4 * len(result.tokens) and result.motion.frames <= len(made)
        root = np.abs(made[: result.motion.frames, 3] - result.motion.joints()[:, 0, 1])
        assert root.mean() < 0.05  # the height of the pelvis, before the body is put on the floor and feet are held


def test_a_dance_is_cut_from_passages_and_lasts_as_long_as_it_was_asked_to(engine):
    for seconds in (1.0, 3.0, 9.8):
        result = engine.generate([Request("a person dances", seconds, 0)])[0]
        assert result.motion.frames == round(seconds * FPS) and len(result.tokens) == -(-result.motion.frames // 4)


def test_requests_of_all_kinds_share_a_batch(engine, walk):
    requests = [
        Request("a person walks forward", 2.0, 5),
        Request("", None, 6, (Line("a person jumps", 2.0), Line("a person bows", None))),
        Request("a person kicks", 1.5, 7, before=cut(walk, 0, 40), after=cut(walk, 70, 140)),
    ]
    together = engine.generate(requests)
    for result, request in zip(together, requests, strict=True):
        alone = engine.generate([request])[0]
        assert np.array_equal(alone.tokens, result.tokens)


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (Request("", script=(Line("walk"),) * 17), "bad_script"),
        (Request("", script=(Line("walk", 9.0),) * 7), "bad_script"),
        (Request("", script=(Line("walk", 0.5),)), "bad_seconds"),
        (Request("", script=(Line("walk", 2.0), Line(" "))), "bad_prompt"),
        (Request("walk", 0.1, before=gait(20)), "bad_seconds"),
        (Request("walk", 2.0, before=Motion(30.0, gait(20).rotations, gait(20).root_translation)), "bad_context"),
        (
            Request(
                "walk", 2.0, before=gait(20),
                after=Motion(FPS, gait(20).rotations, gait(20).root_translation, 2 * gait(20).offsets),
            ),
            "bad_context",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_served_is_refused(engine, request_, code):
    with pytest.raises(MoclipError) as caught:
        engine.generate([request_])
    assert caught.value.code == code
