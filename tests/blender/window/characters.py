# SPDX-License-Identifier: Apache-2.0
"""A scripted user who lets characters walk and wave in a real Blender window, with pictures from the side.

    python tests/blender/window/characters.py --blender blender --zip dist/moclip-VERSION-PLATFORM.zip --out pictures \
        --character soldier.glb

Needs what `run.py` needs. The characters: Rigify's human, generated from its metarig; one with Mixamo's names; and
those of the files given. For each the user makes it the target, types the prompt, presses Generate, looks from the
side. Writes a picture for each frame looked at, and sheets of them: OUT/NAME-walks.png, OUT/NAME-walks-feet.png and
so on.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

from making import CLEAR
from screen import Failure, Screen, check
from user import User, set_settings

PROMPTS = {"walks": "a person walks forward", "waves": "a person waves with the right hand"}
SECONDS = 4.0
FRAMES = (1, 15, 22, 29, 36, 43, 60, 80)
"""Looked at, of 24 a second."""
RIGIFY = """
import characters, stage_set
with in_view():
    bpy.ops.preferences.addon_enable(module="rigify")
    bpy.ops.object.armature_human_metarig_add()
    metarig = bpy.context.object
    bpy.ops.pose.rigify_generate()
    rig = bpy.context.object
bpy.data.objects.remove(metarig)
bone_of = module("rig.mapping").map_rig(rig)
stage_set.add_body(rig, bone_of, 1.8)
"""
MIXAMO = """
import figures
with in_view():
    rig = figures.make_mixamo()
"""
FROM_FILE = """
import characters
with in_view():
    character = characters.bring_in({path!r}, 0)
    characters.stand_up(character, module("rig.mapping").map_rig(character.rig))
rig = character.rig
"""
TARGET = """
for obj in bpy.data.objects:
    if obj.type == "ARMATURE":
        obj.show_in_front = False
with in_view():
    bpy.ops.object.select_all(action="DESELECT")
    rig.select_set(True)
    bpy.context.view_layer.objects.active = rig
scene = bpy.context.scene
scene.frame_set(1)
scene.moclip.target = rig
answer = rig.name
"""
# From the character's left, as numpad 3 shows it; the view goes along with the hips.
LOOK = """
scene = bpy.context.scene
scene.frame_set({frame})
rig = scene.moclip.target
bone = module("rig.mapping").map_rig(rig)["pelvis"]
at = rig.matrix_world @ rig.pose.bones[bone].head
_, area, _ = view()
space = area.spaces.active
shading, overlay = space.shading, space.overlay
shading.type, shading.color_type = "SOLID", "TEXTURE"
overlay.show_bones = overlay.show_relationship_lines = overlay.show_cursor = overlay.show_text = False
overlay.show_object_origins = overlay.show_outline_selected = overlay.show_extras = False
space.show_gizmo = False
with in_view():
    bpy.ops.view3d.view_axis(type="RIGHT")
turned = space.region_3d
turned.view_perspective = "ORTHO"
turned.view_location = (at.x, at.y, {height})
turned.view_distance = {distance}
area.tag_redraw()
window, area, region = view()
main = next(region for region in area.regions if region.type == "WINDOW")
answer = {{"middle": main.x + main.width // 2, "row": window.height - main.y - main.height // 2, "hips": list(at),
          "free": main.height, "right": region.x}}
"""
LOOKS = {"": (0.85, 3.0), "-feet": (0.3, 1.7)}
"""Height in metres that the view is at, and its distance."""


def let_it(user: User, name: str, make: str, out: Path) -> None:
    """Walk and wave, with a sheet of each."""
    screen = user.screen
    screen.ask(CLEAR + make + TARGET, 180)
    for short, prompt in PROMPTS.items():
        screen.ask("bpy.context.scene.frame_set(1)\nanswer = True")
        user.write_prompt(prompt)
        user.press_generate()
        after = user.done()
        check(after["message"].startswith(f"Keyed '{prompt}"), f"{name} {short}", after)
        for kind, (height, distance) in LOOKS.items():
            pictures, hips = [], []
            for frame in FRAMES:
                look = LOOK.format(frame=frame, height=height, distance=distance)
                screen.ask(look)
                place = screen.ask(look)  # once more: the first one may only have begun to turn the view
                hips.append(place["hips"])
                pictures.append(_picture(screen, place, out / f"{name}-{short}{kind}-{frame:03d}.png"))
            _sheet(pictures, out / f"{name}-{short}{kind}.png")
        way = ((hips[-1][0] - hips[0][0]) ** 2 + (hips[-1][1] - hips[0][1]) ** 2) ** 0.5
        check((way > 1.0) == (short == "walks"), f"{name} {short}: the way of the hips", way)
        print(f"{name} {short}: {after['message']} The hips went {way:.2f} m.", flush=True)


def _picture(screen: Screen, place: dict, path: Path) -> Path:
    time.sleep(0.5)  # until it is drawn
    width, height = min(440, 2 * (place["right"] - place["middle"]) - 20), place["free"] - 80
    crop = f"{width}x{height}+{place['middle'] - width // 2}+{place['row'] - height // 2}"
    command = ["import", "-window", "root", "-crop", crop, "+repage", str(path)]
    subprocess.run(command, env=screen.environment, check=True)
    return path


def _sheet(pictures: list[Path], out: Path) -> None:
    subprocess.run(["convert", *map(str, pictures), "+append", str(out)], check=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blender", default="blender", help="command that starts Blender")
    parser.add_argument("--zip", type=Path, required=True, help="the add-on, as build_addon.py made it")
    parser.add_argument("--out", type=Path, required=True, help="folder for pictures and logs")
    parser.add_argument("--character", type=Path, action="append", default=[], help="a character file, also several")
    chosen = parser.parse_args()
    out = chosen.out.resolve()
    kinds = {"rigify": RIGIFY, "mixamo": MIXAMO}
    kinds |= {path.stem: FROM_FILE.format(path=str(path.resolve())) for path in chosen.character}
    failed = 0
    screen = Screen(chosen.blender, chosen.zip.resolve(), out)
    try:
        user = User(screen)
        print(f"Blender {user.version}", flush=True)
        set_settings(screen, use_auto_seconds=False, seconds=SECONDS, variations=1)
        for name, make in kinds.items():
            try:
                let_it(user, name, make, out)
            except Failure as failure:
                failed += 1
                screen.picture(f"{name}-failed")
                print(f"failed: {name}: {failure}", file=sys.stderr)
    finally:
        screen.close()
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
