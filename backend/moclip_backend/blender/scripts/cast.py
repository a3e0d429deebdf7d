# SPDX-License-Identifier: Apache-2.0
"""Install the add-on, import characters, key one prompt on each, line them up, film them, save.

Run by Blender's Python. Task: zip, text, seconds (or null), seed, characters (paths; none: MoCLIP's own armature),
view, sheet ("frames", "rows" or "feet"), aspect (width to height of a picture in rows), blend and motion (to write).

Tells of a character that cannot be keyed {"left_out": path, "message"} and goes on. At the end tells {"shown": a list
of {"name", "alone": name of the camera that films it alone and of that camera's collection}, "size": width and height
of a picture of all, "floor": name of the floor's collection}.
"""

import sys
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

import cameras  # noqa: E402
import characters  # noqa: E402
import in_blender  # noqa: E402
import stage_set  # noqa: E402
from characters import Character  # noqa: E402
from in_blender import Failed, Stage, tell  # noqa: E402

HEIGHT = 540
"""Of a picture of all, in pixels."""


def _import(paths: list[str]) -> list[tuple[str, Character]]:
    """Each with its path; those that Blender cannot import are left out. Raises NoArmature."""
    found = []
    for number, path in enumerate(paths):
        try:
            found.append((path, characters.bring_in(path, number)))
        except characters.NoArmature:
            raise
        except Failed as error:
            tell(left_out=path, message=str(error))
    return found


def _own() -> Character:
    bpy.ops.moclip.create_armature()
    return characters.as_character(bpy.context.scene.moclip.target)


def _key(addon: in_blender.Addon, character: Character, task: dict) -> tuple[Character, str]:
    """The character with a motion, and its hips' bone. Raises Failed."""
    bone_of = addon.bones_of(character.rig)
    characters.stand_up(character, bone_of)
    if not character.meshes:
        height = float(np.ptp(character.bone_ends(bone_of.values())[:, 2]))
        body = stage_set.add_body(character.rig, bone_of, height)
        character = replace(character, meshes=(body,))
        characters.stand_up(character, bone_of)  # on its soles now
    scene = bpy.context.scene
    scene.moclip.target = character.rig
    scene.frame_set(1)
    addon.generate(task["text"], task["seconds"], task["seed"])
    return character, bone_of["pelvis"]


def _key_all(addon: in_blender.Addon, found: list[tuple[str, Character]], task: dict) -> list[tuple[Character, str]]:
    """The same prompt and seed is the same motion each time."""
    keyed = []
    for path, character in found:
        try:
            with Stage(f"key {character.name}"):
                keyed.append(_key(addon, character, task))
        except Failed as error:
            tell(left_out=path, message=str(error))
            character.discard()
            if addon.session.state != "ready":
                addon.start_backend()
    return keyed


def cast(task: dict) -> None:
    bpy.ops.wm.read_homefile(use_empty=True)
    scene = bpy.context.scene
    with Stage("install add-on"):
        addon = in_blender.Addon(task["zip"])
    with Stage("import characters"):
        found = _import(task["characters"]) if task["characters"] else [("", _own())]
    # Importers set the rate of their own file.
    scene.render.fps, scene.render.fps_base, scene.frame_start, scene.frame_end = 20, 1.0, 1, 1
    with Stage("start backend"):
        addon.start_backend()
    keyed = _key_all(addon, found, task)
    if not keyed:
        raise Failed("No character could be keyed.", "none_keyed")
    clip = addon.clip
    tell(warnings=list(clip.warnings), seconds_of_motion=clip.seconds, blender=bpy.app.version_string)
    np.savez(
        task["motion"], rotations=clip.rotations, root_translation=clip.root_translation, fps=clip.fps, seed=clip.seed
    )
    with Stage("set the stage"):
        _film(keyed, task)
    shown = [{"name": character.name, "alone": cameras.alone_name(character)} for character, _ in keyed]
    tell(shown=shown, size=[scene.render.resolution_x, scene.render.resolution_y], floor=stage_set.FLOOR)
    with Stage("save demo.blend"):
        scene.frame_set(1)
        bpy.context.preferences.filepaths.save_version = 0  # no demo.blend1 beside it
        bpy.ops.wm.save_as_mainfile(filepath=task["blend"], compress=True)
    addon.close()


def _film(keyed: list[tuple[Character, str]], task: dict) -> None:
    scene = bpy.context.scene
    stage_set.add_floor(stage_set.new_collection(stage_set.FLOOR), half_size=60)
    stage_set.add_light()
    seen = cameras.watch(keyed, scene.frame_start, scene.frame_end)
    cameras.line_up([character for character, _ in keyed], seen, task["view"])
    if task["sheet"] != "frames":
        for (character, _), one in zip(keyed, seen, strict=True):
            cameras.film_alone(character, one, scene.frame_start, task["view"], task["aspect"], task["sheet"] == "feet")
    aspect = cameras.film_all(seen, scene.frame_start, task["view"])
    scene.render.resolution_x, scene.render.resolution_y = round(aspect * HEIGHT / 2) * 2, HEIGHT  # even, for videos


in_blender.run(cast)
