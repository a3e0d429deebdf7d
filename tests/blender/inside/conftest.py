# SPDX-License-Identifier: Apache-2.0
"""Installs the zip as a user does and drives the add-on by hand: a Blender without a window runs no timers."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import bpy
import numpy as np
import pytest

MODULE = "bl_ext.user_default.moclip"
FIELD_ORDER = (
    "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle", "right_ankle",
    "spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head", "left_shoulder",
    "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
)  # fmt: skip


_status = 0


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    global _status
    _status = int(exitstatus)


def pytest_unconfigure() -> None:
    """With one of these add-ons on, Blender as a Python module falls over (4.2) or hangs (4.5) when it ends."""
    if {"rigify", "io_scene_gltf2"} & set(sys.modules):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(_status)


@pytest.fixture(scope="session")
def addon() -> Iterator[ModuleType]:
    started = time.perf_counter()
    bpy.ops.extensions.package_install_files(
        filepath=os.environ["MOCLIP_ADDON_ZIP"], repo="user_default", enable_on_install=True, overwrite=True
    )
    print(f"Blender {bpy.app.version_string}: installed in {time.perf_counter() - started:.2f} s")
    yield sys.modules[MODULE]
    if MODULE in bpy.context.preferences.addons:
        bpy.ops.preferences.addon_disable(module=MODULE)


class Driver:
    """What a user and Blender's event loop would do."""

    def __init__(self, addon: ModuleType):
        self.addon = addon

    @property
    def session(self):
        return sys.modules[f"{MODULE}.backend.session"].SESSION

    @property
    def settings(self):
        return bpy.context.scene.moclip

    def module(self, name: str) -> ModuleType:
        return sys.modules[f"{MODULE}.{name}"]

    def pump_until(self, reached: Callable[[], bool], seconds: float = 60.0) -> None:
        end = time.monotonic() + seconds
        while not reached():
            assert time.monotonic() < end, f"still {self.session.state}: {self.session.message}"
            self.module("backend.timer").pump()
            time.sleep(0.01)

    def ask(self, prompt: str, **settings) -> None:
        self.settings.prompt = prompt
        for name, value in settings.items():
            setattr(self.settings, name, value)
        bpy.ops.moclip.generate()

    def generate(self, prompt: str, **settings):
        """The whole way, until the motion is keyed; returns the armature."""
        self.ask(prompt, **settings)
        self.pump_until(lambda: self.session.job is None)
        self.module("backend.timer").pump()
        assert self.session.level != "ERROR", self.session.message
        return self.settings.target

    def joints(self) -> np.ndarray:
        """(T, 22, 3) of the last motion in Blender's axes, worked out here from its rotations."""
        clip = self.session.held[1]
        return forward(clip.rotations, clip.root_translation, self.module("shared.skeleton"))


def forward(rotations: np.ndarray, root: np.ndarray, skeleton: ModuleType) -> np.ndarray:
    """Forward kinematics by Blender's own mathutils; Y up -> Z up is (x, -z, y)."""
    from mathutils import Quaternion, Vector

    joints = np.zeros((len(rotations), 22, 3))
    for frame in range(len(rotations)):
        world = []
        for joint, parent in enumerate(skeleton.PARENTS):
            local = Quaternion(rotations[frame, joint].tolist())
            if parent < 0:
                world.append((local, Vector(root[frame].tolist())))
            else:
                turn, place = world[parent]
                world.append((turn @ local, place + turn @ Vector(skeleton.REST_OFFSETS[joint].tolist())))
            x, y, z = world[joint][1]
            joints[frame, joint] = x, -z, y
    return joints


@pytest.fixture
def driver(addon: ModuleType, tmp_path: Path) -> Iterator[Driver]:
    if MODULE not in bpy.context.preferences.addons:
        bpy.ops.preferences.addon_enable(module=MODULE)
    driver = Driver(sys.modules[MODULE])
    driver.session.cancel()
    # A motion that has just come is applied by the next step.
    driver.module("backend.timer").pump()
    bpy.ops.wm.read_homefile(use_empty=True)
    # Without a window, undo starts with the first explicit push.
    bpy.ops.ed.undo_push(message="start")
    bpy.context.scene.render.fps, bpy.context.scene.render.fps_base = 20, 1.0
    # What most checks measure on: it shows a motion as it is, to the millimetre.
    bpy.context.scene.moclip.new_character = "BONES"
    preferences = driver.module("settings").preferences()
    # Never the library of whoever runs this.
    preferences.library_folder, preferences.follow_motion = str(tmp_path / "none"), True
    yield driver
    if MODULE in bpy.context.preferences.addons and driver.session.job is not None:
        driver.session.cancel()
        driver.pump_until(lambda: driver.session.job is None)


def pose_heads(rig, names: tuple[str, ...] = FIELD_ORDER, step: int = 1, frames: int = 0, start: int = 1) -> np.ndarray:
    """(T, 22, 3) world positions of the bones' heads at every frame."""
    heads = []
    for frame in range(start, start + frames, step):
        bpy.context.scene.frame_set(frame)
        heads.append([rig.matrix_world @ rig.pose.bones[name].head for name in names])
    return np.array(heads)


@pytest.fixture(scope="session")
def rigify_file(addon: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the human that Rigify generates; made once, as it takes seconds."""
    import addon_utils  # there once bpy is

    bpy.ops.wm.read_homefile(use_empty=True)
    addon_utils.enable("rigify", default_set=True)
    bpy.ops.object.armature_human_metarig_add()
    metarig = bpy.context.object
    bpy.ops.pose.rigify_generate()
    bpy.data.objects.remove(metarig)
    path = tmp_path_factory.mktemp("rigify") / "human.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    return path


@pytest.fixture
def human(driver: Driver, rigify_file: Path) -> bpy.types.Object:
    bpy.ops.wm.open_mainfile(filepath=str(rigify_file))
    bpy.context.scene.render.fps = 20
    bpy.ops.ed.undo_push(message="start")
    return next(obj for obj in bpy.data.objects if obj.type == "ARMATURE")


@pytest.fixture
def tools() -> SimpleNamespace:
    return SimpleNamespace(pose_heads=pose_heads, forward=forward, names=FIELD_ORDER)


@pytest.fixture
def by_embedded(driver: Driver) -> Iterator[None]:
    """Motions by the embedded model: the limits of what is checked were measured on its. The open model's walk rises
    farther on its toes and does not keep all of them on every rig: its card says so."""
    preferences = driver.module("settings").preferences()
    default, preferences.model = preferences.model, "embedded"
    yield
    preferences.model = default
