# SPDX-License-Identifier: Apache-2.0
"""The pictures of the README's quick start, made anew in a real Blender window.

    python tests/blender/window/quickstart.py --blender blender --zip dist/moclip-VERSION-PLATFORM.zip --out OUT

Needs what `run.py` needs. Writes OUT/quickstart-progress.png, -keyed.png and -direction.png, which belong into docs/.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from making import CLEAR
from screen import Failure, Screen, wait
from script_bars import BARS, script_of
from user import MAIN, User, set_settings

PROMPT = "a tired man walks, then waves with his left hand"
LINES = (("a person walks forward", 73), ("a person waves with the left hand", 145), ("a person bows", 217))
WIDTH, HEIGHT = 730, 430
LOOK = ("ASIDE", 4.7, 0.4)
"""From before the left shoulder, metres away, at what height: below the hips, so that the feet are in the picture."""
PLAIN = """
space = view()[1].spaces.active
overlay = space.overlay
overlay.show_bones = overlay.show_relationship_lines = overlay.show_cursor = overlay.show_text = False
overlay.show_object_origins = overlay.show_outline_selected = overlay.show_extras = False
space.show_gizmo = space.show_region_toolbar = False
bpy.context.scene.frame_set({frame})
answer = True
"""


def take(user: User, name: str, top: int, height: int) -> None:
    user.screen.move(400, 200)
    crop = f"{WIDTH}x{height}+{user.right - WIDTH}+{top}"
    path = user.screen.picture(f"quickstart-{name}", crop)
    subprocess.run(["convert", str(path), "-strip", str(path)], check=True)
    print(f"{path}, {path.stat().st_size / 1000:.0f} kB", flush=True)


def make(user: User) -> None:
    screen, top = user.screen, user.top - 4
    screen.ask(CLEAR)
    set_settings(screen, use_auto_seconds=False, seconds=9.0, variations=4)
    user.press("moclip.create_mannequin(", 0.83)
    screen.ask(PLAIN.format(frame=1))
    user.look_from(*LOOK)
    user.write_prompt(PROMPT)
    user.press_generate()
    wait("progress", lambda: user.state()["progress"] > 0.3)
    take(user, "progress", top, HEIGHT)
    user.done()
    screen.ask(PLAIN.format(frame=40))
    user.look_from(*LOOK)
    take(user, "keyed", top, HEIGHT)
    edge = screen.ask(BARS)["edge"]
    screen.drag(500, edge, 500, edge - 60)
    screen.ask(script_of(LINES))
    before = user.state()["made"]
    screen.search("Generate Script")
    user.begun(before)
    user.done()
    screen.ask(PLAIN.format(frame=110))
    user.look_from(*LOOK[:2], height=0.8)
    user.open_alone("MOCLIP_PT_direction")
    take(user, "direction", top, 780 - top)
    user.open_alone(MAIN)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blender", default="blender", help="command that starts Blender")
    parser.add_argument("--zip", type=Path, required=True, help="the add-on, as build_addon.py made it")
    parser.add_argument("--out", type=Path, required=True, help="folder for pictures and logs")
    chosen = parser.parse_args()
    screen = Screen(chosen.blender, chosen.zip.resolve(), chosen.out.resolve())
    try:
        make(User(screen))
    except Failure as failure:
        screen.picture("failed")
        print(f"failed: {failure}", file=sys.stderr)
        return 1
    finally:
        screen.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
