# SPDX-License-Identifier: Apache-2.0
"""A scripted user of the add-on in a real Blender window, on a virtual screen, with pictures of each step.

    python tests/blender/window/run.py --blender blender --zip dist/moclip-VERSION-PLATFORM.zip --out pictures

Needs Xvfb, xdotool and ImageMagick's `import` and `convert`, and a Blender whose Python the zip serves. The user counts
clicks from a fresh Blender to a kept motion; generates, cancels, undoes, accepts, by panel, search and keys; picks
among ghosts; drags the bars of a script and writes in them; keeps a motion in the library and puts it on others;
follows a path; looks at all panels and the preferences. At last the add-on's callbacks are timed, and judged by what
they cost of the processor's time: software that draws in place of a graphics card, and other programs, make them wait
besides, which is told too. `--clock` judges by the clock, for a quiet machine with a card. Prints a line a step; 0 when
all went well. `MOCLIP_WINDOW_PATIENCE=5` waits five times as long on a machine that is busy.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from keeping import keep_in_library, walk_a_path
from looking import see_panels, see_preferences
from making import first_motion, generate_and_accept, generate_and_cancel, generate_and_undo, preview, use_keys
from measuring import measure
from screen import Failure, Screen
from script_bars import direct, drag_bars
from user import User

STEPS = {
    step.__name__: step
    for step in (
        first_motion, generate_and_cancel, generate_and_undo, generate_and_accept, use_keys, preview, direct, drag_bars,
        keep_in_library, walk_a_path, see_panels, see_preferences,
    )
}  # fmt: skip


def use(begin: Callable[[], Screen], steps: dict[str, Callable[[User], str]]) -> int:
    """Go through steps in one Blender. Returns how many failed; the others go on."""
    failed, screen = 0, begin()
    try:
        user = User(screen)
        print(f"Blender {user.version}", flush=True)
        screen.picture("00-start")
        for name, step in steps.items():
            try:
                print(f"{name}: {step(user)}", flush=True)
            except Failure as failure:
                failed += 1
                screen.picture(f"failed-{name}")
                print(f"failed: {name}: {failure}", file=sys.stderr, flush=True)
    except Failure as failure:
        failed += 1
        screen.picture("failed")
        print(f"failed: {failure}", file=sys.stderr, flush=True)
    finally:
        screen.close()
    return failed


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blender", default="blender", help="command that starts Blender")
    parser.add_argument("--zip", type=Path, required=True, help="the add-on, as build_addon.py made it")
    parser.add_argument("--out", type=Path, required=True, help="folder for pictures and logs")
    parser.add_argument("--steps", nargs="*", choices=[*STEPS, "measure"], help="only these (all)")
    parser.add_argument("--clock", action="store_true", help="judge callbacks by the clock (with a graphics card)")
    chosen = parser.parse_args(arguments)
    out, archive = chosen.out.resolve(), chosen.zip.resolve()
    resources = out / "blender"
    wanted = chosen.steps or [*STEPS, "measure"]
    failed = 0
    if steps := {name: step for name, step in STEPS.items() if name in wanted}:
        failed += use(lambda: Screen(chosen.blender, archive, out, resources), steps)
    if "measure" in wanted:
        timed = {"measure": partial(measure, by_clock=chosen.clock)}
        failed += use(lambda: Screen(chosen.blender, archive, out / "measured", resources, opened=True), timed)
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
