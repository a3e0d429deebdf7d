# SPDX-License-Identifier: Apache-2.0
"""Soles on the floor: on every kind of rig feet stand as flat as the motion's, knees as straight, hips as high.

Prints a line for each rig and prompt. MOCLIP_KEEP_RIGS=FOLDER keeps each rig as it is before it is keyed, to be looked
at: `moclip demo "a person walks forward" --view side --sheet rows --character FOLDER/NAME.blend ...`.
"""

import os
from pathlib import Path

import bpy
import characters
import measures
import numpy as np
import pytest
from reading import read

pytestmark = pytest.mark.usefixtures("by_embedded")

PROMPTS = {
    "stands": "a person stands still",
    "waves": "a person waves with the right hand",
    "bows": "a person bows",
    "walks": "a person walks forward",
}
SIDES = ("left", "right")


@pytest.fixture(scope="module")
def clips(addon):
    """Prompt -> its generated motion of four seconds, each made once."""
    made = {}

    def make(driver, prompt):
        if prompt not in made:
            driver.generate(prompt, use_auto_seconds=False, seconds=4.0, seed=1)
            made[prompt] = driver.session.held[1]
            bpy.ops.wm.read_homefile(use_empty=True)
            bpy.context.scene.render.fps = 20
        return made[prompt]

    return make


def keep(label):
    if folder := os.environ.get("MOCLIP_KEEP_RIGS"):
        path = Path(folder) / f"{bpy.path.clean_name(label)}.blend"
        bpy.ops.wm.save_as_mainfile(filepath=str(path), copy=True)


def check(driver, tools, label, rig, clips):
    keep(label)
    bones = driver.module("rig.mapping").map_rig(rig)
    soles = measures.rest_soles(rig, bones)
    for name, prompt in PROMPTS.items():
        clip = clips(driver, prompt)
        action = driver.module("keying.keyframes").apply_clip(rig, clip, bpy.context.scene, 1)
        source = tools.forward(clip.rotations, clip.root_translation, driver.module("shared.skeleton"))
        joints = dict(zip(tools.names, np.moveaxis(source, 1, 0), strict=True))
        found = measures.sole_errors(rig, bones, soles, joints, 20.0)
        print(f"{label}, {name}: " + measures.sole_line(found))
        yield name, found
        if all(bone.rotation_mode == "QUATERNION" for bone in rig.pose.bones):
            assert measures.sign_flips(driver, action) == 0


def assert_stands(name, found):
    assert found.frames >= 5, name
    assert found.tilt < 4.0 and found.height < 0.01, (name, found)
    assert found.knee < 4.0 and found.hips < 0.011, (name, found)
    assert found.limbs < 3.0
    if name == "walks":
        assert abs(found.toe_off[0] - found.toe_off[1]) < 6.0, found.toe_off


@pytest.mark.parametrize("label", characters.MADE)
def test_soles_stand_on_every_kind_of_rig(driver, tools, clips, label):
    for prompt in PROMPTS.values():
        clips(driver, prompt)
    rig = characters.MADE[label](driver)
    for name, found in check(driver, tools, label, rig, clips):
        assert_stands(name, found)


@pytest.mark.parametrize("file", characters.FILES)
def test_soles_stand_on_real_characters(driver, tools, clips, file, tmp_path):
    for prompt in PROMPTS.values():
        clips(driver, prompt)
    rig = characters.load(file, tmp_path)
    for name, found in check(driver, tools, file, rig, clips):
        assert_stands(name, found)


def test_soles_stand_on_rigify(driver, tools, clips, human):
    for name, found in check(driver, tools, "Rigify's human", human, clips):
        assert_stands(name, found)


@pytest.mark.parametrize("label", ["Mixamo, high heels", "Mixamo, no toes", "VRM"])
def test_a_rig_that_stands_is_read_as_somebody_who_stands(driver, tools, label):
    """A rig at rest is read with soles as flat as those of a motion, over the motion's floor, with straight knees."""
    stance = driver.module("shared.stance")
    rig = characters.MADE[label](driver)
    reading = read(driver, rig, range(1, 6))
    skeleton = driver.module("shared.skeleton")
    joints = tools.forward(reading.rotations, reading.root_translation, skeleton)[0]
    at = {name: joints[skeleton.JOINT_INDEX[name]] for name in skeleton.JOINT_NAMES}
    for side, slope in zip(SIDES, stance.USUAL.slopes, strict=True):
        down = at[f"{side}_ankle"] - at[f"{side}_foot"]
        assert np.arcsin(down[2] / np.linalg.norm(down)) == pytest.approx(slope, abs=0.02)
        assert at[f"{side}_ankle"][2] == pytest.approx(stance.USUAL.ankle, abs=0.01)


def test_feet_under_a_foot_lock_of_nothing_stand_within_the_stance(driver, tools, clips):
    """Without a lock the sole is where the motion has it, not where a rest of horizontal feet would have it."""
    clip = clips(driver, PROMPTS["stands"])
    rig = characters.MADE["Mixamo, foot at 36 degrees, cm, Y up"](driver)
    bones = driver.module("rig.mapping").map_rig(rig)
    soles = measures.rest_soles(rig, bones)
    module = driver.module("keying.keyframes")
    module.apply_clip(rig, clip, bpy.context.scene, 1, module.Fit(foot_lock=0.0))
    source = tools.forward(clip.rotations, clip.root_translation, driver.module("shared.skeleton"))
    joints = dict(zip(tools.names, np.moveaxis(source, 1, 0), strict=True))
    found = measures.sole_errors(rig, bones, soles, joints, 20.0)
    assert found.tilt < 8.0 and found.height < 0.03, found


@pytest.mark.parametrize("file", ["rocketbox_f03.fbx", "m2m_human.glb"])
def test_toes_bend_as_heels_rise_instead_of_sinking_or_lifting_the_knee(driver, tools, clips, file, tmp_path):
    """By the skin: what is under the floor at a push-off, and how far knees bend more than the motion's."""
    clip = clips(driver, PROMPTS["walks"])
    rig = characters.load(file, tmp_path)
    bones = driver.module("rig.mapping").map_rig(rig)
    floor = measures.rest_soles(rig, bones)["left"][0].z
    driver.module("keying.keyframes").apply_clip(rig, clip, bpy.context.scene, 1)
    source = tools.forward(clip.rotations, clip.root_translation, driver.module("shared.skeleton"))
    joints = dict(zip(tools.names, np.moveaxis(source, 1, 0), strict=True))
    names = list(bones.values())
    posed = measures.stances(rig, range(1, len(source) + 1), names)
    heads = dict(zip(bones, np.moveaxis(posed[..., :3, 3], 1, 0), strict=True))
    more = max(np.percentile(measures._knee(joints, s) - measures._knee(heads, s), 95) for s in SIDES)
    depths = []
    for frame in range(1, len(source) + 1, 3):
        bpy.context.scene.frame_set(frame)
        depths.append(floor - measures.lowest_vertex_shown(rig))
    print(f"{file}: skin at most {100 * max(depths):.1f} cm under the floor, knees bend up to {more:.1f} degrees more")
    assert max(depths) < 0.02 and more < 8.0
