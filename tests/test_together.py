# SPDX-License-Identifier: Apache-2.0
"""Sentences that tell two actions at once: how they are read, and how what is made of them is put together."""

import numpy as np
import pytest

from moclip.models import list_models
from moclip.motion import rotations as rot
from moclip.motion.layering import LIMBS, busy_arms, faded, layered
from moclip.motion.motion import Motion
from moclip.motion.skeleton import JOINT_INDEX
from moclip.prompts.together import TogetherReader, read_together
from moclip.prompts.together_table import TOGETHER

needs_weights = pytest.mark.skipif(
    "embedded" not in [m.name for m in list_models()], reason="needs the embedded model's weights"
)


@pytest.mark.parametrize("number", range(len(TOGETHER)), ids=lambda number: TOGETHER[number].example)
def test_every_rows_example_is_read_so_by_that_very_row(number):
    row = TOGETHER[number]

    def read(rows):
        found = TogetherReader(rows).read(row.example)
        return found.base, [layer.text for layer in found.layers]

    assert read(TOGETHER) == (row.going, [row.doing])
    assert read(TOGETHER[:number] + TOGETHER[number + 1 :]) != (row.going, [row.doing])


@pytest.mark.parametrize(
    ("sentence", "base", "clause", "text", "limbs"),
    [
        ("a tired man waves with his left hand while he walks", "a tired man walks", 0,
         "a tired man waves with his left hand", "left_arm"),
        ("he walks forward while waving with his right hand, then bows", "he walks forward; bows", 0,
         "he is waving with his right hand", "right_arm"),
        ("bows, then walks off with both arms raised", "bows; walks off", 1, "raise both arms", "both_arms"),
        ("a soldier salutes as he marches past", "a soldier marches past", 0, "a soldier salutes", "arms"),
        ("he runs toward the camera swinging a sword", "he runs toward the camera", 0, "he is swinging a sword",
         "upper_body"),
        ("Mr. Smith strolls along, waving his hands", "Mr. Smith strolls along", 0, "Mr. Smith is waving his hands",
         "both_arms"),
        ("walking and waving at the same time", "walking", 0, "waving", "arms"),
        ("a woman is sitting and clapping in the audience", "a woman is sitting", 0,
         "a woman is clapping in the audience", "both_arms"),
        ("claps while sitting on a chair", "sitting on a chair", 0, "claps", "both_arms"),
        ("a man is drinking water as he walks", "a man walks", 0, "a man is drinking water", "arms"),
        ("a monk walks, holding up a lantern", "a monk walks", 0, "a monk is holding up a lantern", "arms"),
        ("nodding while sitting in a meeting", "sitting in a meeting", 0, "nodding", "head"),
        ("balancing on the right leg and circling the arms at the same time", "balancing on the right leg", 0,
         "circling the arms", "both_arms"),
        ("walks backward while aiming a gun", "walks backward", 0, "aiming a gun", "arms"),
        ("running with both hands raised in the air", "running", 0, "raise both hands", "both_arms"),
        ("a man walking and waving with his left hand, like a star", "a man walking", 0,
         "a man is waving with his left hand, like a star", "left_arm"),
    ],
)  # fmt: skip
def test_what_goes_and_what_the_arms_do(sentence, base, clause, text, limbs):
    read = read_together(sentence)
    assert read.base == base
    assert [(layer.clause, layer.text, layer.limbs) for layer in read.layers] == [(clause, text, limbs)]


@pytest.mark.parametrize(
    "sentence",
    [
        "a person walks forward",
        "waves his hand",
        "a dancer dances while waving",  # arms have enough to do
        "he waves as the bus approaches",  # two who act
        "stands still while waving",
        "stops walking and waves",
        "a person walks and waves",  # in turn
        "he waves while standing next to a walking man",
        "a man walks while another man waves",
        "kicks while jumping",
        "sits down and claps",  # in turn
        "a person sits down",
        "points at a gun",
        "",
    ],
)
def test_other_sentences_stay_whole(sentence):
    read = read_together(sentence)
    assert read.base == sentence and read.layers == ()


def _motion(frames: int, turned: dict[str, float], travel: float = 0.0) -> Motion:
    """Joints turned about Z by so many radians at the last frame, none at the first."""
    rotations = np.tile(rot.IDENTITY, (frames, 22, 1))
    for name, angle in turned.items():
        rotations[:, JOINT_INDEX[name]] = rot.from_axis_angle(np.eye(3)[2], np.linspace(0, angle, frames))
    return Motion(20.0, rotations, np.linspace([0, 1, 0], [0, 1, travel], frames))


def test_a_layer_takes_its_limbs_and_leaves_the_rest_to_the_last_bit():
    walk, wave = _motion(30, {"left_hip": 0.5, "right_shoulder": 0.2}, 2.0), _motion(30, {"right_shoulder": -1.5})
    both = layered(walk, wave, "right_arm", np.ones(30))
    others = [joint for joint in range(22) if joint not in LIMBS["right_arm"]]
    assert np.array_equal(both.rotations[:, others], walk.rotations[:, others])
    assert np.array_equal(both.root_translation, walk.root_translation)
    np.testing.assert_allclose(both.rotations[:, LIMBS["right_arm"]], wave.rotations[:, LIMBS["right_arm"]], atol=1e-6)


def test_an_additive_layer_turns_on_from_the_base():
    walk, nod = _motion(10, {"head": 0.3}), _motion(10, {"head": 0.4})
    both = layered(walk, nod, "head", np.ones(10), additive=True)
    # About one axis, angles add.
    angle = rot.angle_between(both.rotations[-1, JOINT_INDEX["head"]].astype(float), rot.IDENTITY)
    assert angle == pytest.approx(0.7, abs=1e-5)


def test_the_lower_body_brings_its_travel():
    stand, walk = _motion(10, {}), _motion(10, {"left_hip": 0.5}, 2.0)
    both = layered(stand, walk, "lower_body", np.ones(10))
    np.testing.assert_allclose(both.root_translation, walk.root_translation, atol=1e-6)


def test_layers_of_other_lengths_are_refused():
    with pytest.raises(ValueError, match="do not fit"):
        layered(_motion(10, {}), _motion(9, {}), "head", np.ones(10))


def test_weights_fade_inside_their_span():
    weights = faded(40, 10, 30, 5)
    assert not weights[:10].any() and not weights[30:].any() and (weights[15:25] == 1).all()
    assert (np.diff(weights[9:16]) > 0).all() and (np.diff(weights[24:31]) < 0).all()
    assert (faded(40, 0, 40, 5, begins=False, ends=False) == 1).all()


@pytest.mark.parametrize(
    ("turned", "arms"),
    [
        ({"left_shoulder": 1.2}, "left_arm"),
        ({"right_elbow": 2.0}, "right_arm"),
        ({"left_shoulder": 1.2, "right_shoulder": -1.2}, "both_arms"),
    ],
)
def test_the_arm_that_a_motion_is_about(turned, arms):
    hanging = {"left_shoulder": -1.5, "right_shoulder": 1.5}
    motion = _motion(40, turned)
    rotations = motion.rotations.astype(float)
    for name, angle in hanging.items():
        joint = JOINT_INDEX[name]
        rotations[:, joint] = rot.multiply(
            rot.from_axis_angle(np.eye(3)[2], np.array(angle)), rotations[:, joint]
        )  # arms hang
    assert busy_arms(Motion(20.0, rotations, motion.root_translation)) == arms


@needs_weights
def test_one_prompt_shows_both_and_feet_go_where_the_walk_has_them():
    from moclip.generate.pipeline import TextToMotion
    from moclip.prompts.requests import Request
    from moclip.showing.asked import shows_at_once

    model = TextToMotion.load("embedded")
    both, alone = model.generate(
        [
            Request("a person waves with the left hand while walking forward", 4.0, 3),
            Request("a person is walking forward", 4.0, 3),
        ]
    )
    assert shows_at_once(both.motion.joints(), "walk", "wave_left")
    legs = list(LIMBS["lower_body"])
    assert np.array_equal(both.motion.joints()[:, legs], alone.motion.joints()[:, legs])
    assert both.motion.text == "a person waves with the left hand while walking forward"
