# SPDX-License-Identifier: Apache-2.0
"""Key a motion on a rig, read it back, compare."""

import importlib

import bpy
import numpy as np


def module(driver):
    return importlib.import_module(f"{driver.addon.__name__}.rig.read_back")


def read(driver, rig, frames):
    return module(driver).read_motion(rig, driver.module("rig.mapping").map_rig(rig), bpy.context.scene, frames)


def clip_of(driver, reading):
    return driver.module("motion.clip").Clip(20.0, reading.rotations, reading.root_translation, "read back")


def key(driver, rig, clip, **how):
    keyframes = driver.module("keying.keyframes")
    return keyframes.apply_clip(rig, clip, bpy.context.scene, 1, keyframes.Fit(foot_lock=0.0, **how))


def turned_apart(driver, rig, one, other):
    """The largest angle in degrees between two motions' joints that have a bone, relative to the world."""
    world, between = driver.module("rig.retarget").world_rotations, driver.module("shared.rotations").angle_between
    index = driver.module("shared.skeleton").JOINT_INDEX
    mapped = [index[joint] for joint in driver.module("rig.mapping").map_rig(rig)]
    return float(np.degrees(between(world(one)[:, mapped], world(other)[:, mapped])).max())
