# SPDX-License-Identifier: Apache-2.0
"""Put prompts on the armatures of a scene. Run by Blender's Python.

Task: zip, scene, out, rows: [{"row", "armature", "prompt", "start", "seconds" (or null), "seed"}]. Tells of each row
{"row", "ok", "message"} and goes on after one that fails.
"""

import sys
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))

import in_blender  # noqa: E402
from in_blender import Failed, tell  # noqa: E402


def _key(addon: in_blender.Addon, row: dict) -> tuple[str, str]:
    """Generate and key one row; the armature's and the action's names."""
    scene = bpy.context.scene
    rig = None
    if row["armature"]:
        rig = addon.module("operators.batch").armature_named(scene, row["armature"])
        if rig is None:
            raise Failed(f"The scene has no armature named '{row['armature']}'.")
    scene.moclip.target = rig
    scene.frame_set(row["start"] if row["start"] is not None else scene.frame_start)
    rig = addon.generate(row["prompt"], row["seconds"], row["seed"])
    if rig is None:
        raise Failed(addon.session.message)
    return rig.name, rig.animation_data.action.name


def _lay_out(addon: in_blender.Addon, name: str, actions: list[str]) -> None:
    """Several motions for one armature become strips of the NLA editor, as an object has one active action only.

    Where one begins over another it is blended in, as in the add-on's own batch.
    """
    data = bpy.data.objects[name].animation_data
    data.action = None
    for action in sorted((bpy.data.actions[a] for a in actions), key=lambda action: action.frame_range[0]):
        addon.module("keying.history").lay_strip(data, action)


def _open(path: str) -> None:
    """Open a scene of this Blender's version or an older one: a newer one would lose what this one does not know."""
    own = ".".join(map(str, bpy.app.version[:2]))
    try:
        bpy.ops.wm.open_mainfile(filepath=path)
    except RuntimeError as error:
        raise Failed(
            f"Blender {own} cannot open '{Path(path).name}': it is damaged, or was saved by a newer Blender. "
            "Use that version: --blender PATH."
        ) from error
    saved_by = tuple(bpy.data.version[:2])
    if saved_by > bpy.app.version[:2]:
        newer = ".".join(map(str, saved_by))
        raise Failed(
            f"'{Path(path).name}' was saved by Blender {newer}, and this is {own}. Use that version: --blender PATH."
        )


def keyframe(task: dict) -> None:
    addon = in_blender.Addon(task["zip"])
    _open(task["scene"])
    scene = bpy.context.scene
    settings, frame = scene.moclip, scene.frame_current
    if bpy.context.object is not None and bpy.context.object.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    changed = ("prompt", "use_auto_seconds", "seconds", "seed", "target", "pin_target", "path")
    kept = {name: getattr(settings, name) for name in changed}
    # As in the add-on's own batch: a row starts where its character stands.
    settings.path = None
    addon.start_backend()
    keyed: dict[str, list[str]] = {}
    for row in task["rows"]:
        try:
            name, action = _key(addon, row)
        except Failed as error:
            tell(row=row["row"], ok=False, message=str(error))
            if addon.session.state != "ready":
                addon.start_backend()
        else:
            keyed.setdefault(name, []).append(action)
            note = " ".join(addon.clip.warnings)
            tell(row=row["row"], ok=True, message=f"{name}: '{action}', {addon.clip.seconds:.1f} s. {note}".strip())
    for name, actions in keyed.items():
        if len(actions) > 1:
            _lay_out(addon, name, actions)
    for name, value in kept.items():
        setattr(settings, name, value)
    scene.frame_set(frame)
    bpy.context.preferences.filepaths.save_version = 0
    bpy.ops.wm.save_as_mainfile(filepath=task["out"])
    addon.close()


in_blender.run(keyframe)
