# SPDX-License-Identifier: Apache-2.0
"""A scripted user of the add-on in a real Blender window, on a virtual screen, with pictures of each step.

    python tests/blender/window/run.py --blender blender --zip dist/moclip-VERSION-PLATFORM.zip --out pictures

Needs Xvfb, xdotool and ImageMagick's `import`, and a Blender whose Python the zip serves. The user types a prompt,
presses Generate, sees progress, cancels, generates again, undoes, generates again and accepts, makes a script and a
range anew, sees takes as ghosts and picks one. At last the add-on's callbacks are timed while a job runs and while
ghosts play. Prints a line a step; 0 when all went well.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

INSIDE = Path(__file__).with_name("inside.py")
SIZE = (1280, 800)
P99_MS, MOST_MS = 5.0, 30.0
F3 = 69
"""The key's code: by its name xdotool presses Alt with it on newer keyboard maps."""
PROMPT = "a person walks forward"


class Failure(Exception):
    """What a step should have shown and did not."""


class Screen:
    """A virtual screen with Blender on it."""

    def __init__(self, blender: str, archive: Path, out: Path, opened: bool = False):
        """opened: with every panel of the add-on open."""
        out.mkdir(parents=True, exist_ok=True)
        for old in [*out.glob("ask-*"), *out.glob("answer-*")]:
            old.unlink()
        self.out, self._asked = out, 0
        display = next(n for n in range(90, 200) if not Path(f"/tmp/.X11-unix/X{n}").exists())
        size = f"{SIZE[0]}x{SIZE[1]}x24"
        self._server = subprocess.Popen(
            ["Xvfb", f":{display}", "-screen", "0", size, "+extension", "GLX", "-nolisten", "tcp"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.environment = {
            **os.environ, "DISPLAY": f":{display}", "LIBGL_ALWAYS_SOFTWARE": "1", "MOCLIP_WINDOW_OUT": str(out),
            "MOCLIP_WINDOW_ZIP": str(archive), "MOCLIP_STATE": str(out / "state"),
            "BLENDER_USER_RESOURCES": str(out / "blender"), "MOCLIP_WINDOW_OPEN": "1" if opened else "",
        }  # fmt: skip
        wait("a screen", lambda: Path(f"/tmp/.X11-unix/X{display}").exists(), 10)
        command = [*shlex.split(blender), "--factory-startup", "--window-geometry", "0", "0", *map(str, SIZE)]
        self._log = (out / "blender.log").open("wb")
        self._blender = subprocess.Popen(
            [*command, "--python", str(INSIDE)], env=self.environment, stdout=self._log, stderr=subprocess.STDOUT
        )

    def close(self) -> None:
        for process in (self._blender, self._server):
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        self._log.close()

    def ask(self, code: str, seconds: float = 60.0):
        """What Python in Blender sets `answer` to."""
        number, self._asked = self._asked, self._asked + 1
        unfinished = self.out / "ask.part"
        unfinished.write_text(code, encoding="utf-8")
        unfinished.replace(self.out / f"ask-{number}.py")
        answer = self.out / f"answer-{number}.json"
        wait("an answer from Blender", lambda: answer.exists() or self._blender.poll() is not None, seconds)
        if not answer.exists():
            raise Failure("Blender has ended; see blender.log.")
        told = json.loads(answer.read_text(encoding="utf-8"))
        if "error" in told:
            raise Failure(told["error"])
        return told["answer"]

    def tool(self, *words: object) -> None:
        subprocess.run(["xdotool", *map(str, words)], env=self.environment, check=True, stdout=subprocess.DEVNULL)
        time.sleep(0.15)

    def click(self, x: int, y: int, times: int = 1) -> None:
        self.tool("mousemove", x, y)
        time.sleep(0.3)
        self.tool("click", "--repeat", times, "--delay", 80, 1)
        time.sleep(0.3)

    def opens_field(self, x: int, y: int) -> bool:
        """Double-click a place; does a field open for typing? Where none does, typed letters would be shortcuts."""
        self.tool("mousemove", x, y)
        time.sleep(0.5)
        before = self._pixels(x, y)
        self.click(x, y, times=2)
        return self._pixels(x, y) != before

    def type(self, text: str) -> None:
        self.tool("key", "ctrl+a")
        self.tool("type", "--delay", 15, text)
        self.tool("key", "Return")

    def search(self, words: str) -> None:
        """Press F3 over the 3D View and choose an operator by its name."""
        self.tool("mousemove", 400, 400)
        before = self._pixels(400, 400)
        self.tool("key", F3)
        time.sleep(1.5)  # gathering the menus takes a while the first time
        check(self._pixels(400, 400) != before, "F3 opens the search", "it does not")
        self.tool("type", "--delay", 20, words.lower())
        time.sleep(0.7)
        self.tool("key", "Return")
        time.sleep(0.3)

    def _pixels(self, x: int, y: int) -> bytes:
        """Those around the mouse at a place, which change when a menu or a field opens there."""
        command = ["import", "-window", "root", "-crop", f"60x20+{x - 30}+{y - 10}", "rgb:-"]
        return subprocess.run(command, env=self.environment, check=True, capture_output=True).stdout

    def picture(self, name: str) -> None:
        subprocess.run(["import", "-window", "root", str(self.out / f"{name}.png")], env=self.environment, check=True)


def wait(what: str, reached: Callable[[], bool], seconds: float = 90.0) -> float:
    """Seconds that it took."""
    started = time.monotonic()
    while not reached():
        if time.monotonic() - started > seconds:
            raise Failure(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.03)
    return time.monotonic() - started


STATE = """
s = session()
answer = {"state": s.state, "message": s.message, "level": s.level, "job": s.job is not None,
          "progress": s.job.progress if s.job else 0, "stage": s.job.stage if s.job else "",
          "actions": sorted(a.name for a in bpy.data.actions), "prompt": bpy.context.scene.moclip.prompt,
          "made": s.held[0].id if s.held else "", "armatures": sum(o.type == "ARMATURE" for o in bpy.data.objects)}
"""
GHOSTS = """
stage = module("preview.stage").STAGE
answer = {"ghosts": len(stage.ghosts), "chosen": stage.chosen}
"""
PLAY = """
window, area, _ = view()
with bpy.context.temp_override(window=window, area=area):
    bpy.ops.screen.animation_play()
answer = True
"""
# The rows of the panel from the region's top, in widget units: header, prompt, length, seed, target, button.
PLACES = """
window, area, region = view()
unit = 20 * bpy.context.preferences.system.ui_scale * bpy.context.preferences.view.ui_scale
answer = {"left": region.x, "right": region.x + region.width, "top": region.y + region.height,
          "height": window.height, "unit": unit, "version": bpy.app.version_string}
"""


class User:
    """Who uses the add-on."""

    def __init__(self, screen: Screen):
        self.screen = screen
        place = screen.ask(PLACES)
        self.version, self._unit = place["version"], place["unit"]
        self._left, self._right = place["left"], place["right"]
        self._top = place["height"] - place["top"]

    def state(self) -> dict:
        return self.screen.ask(STATE)

    def row(self, units: float) -> int:
        return round(self._top + units * self._unit)

    @property
    def middle(self) -> int:
        return round(self._left + 0.4 * (self._right - self._left))

    def write_prompt(self, text: str) -> None:
        """Double-click the field under the panel's header, wherever this Blender draws it, and type."""
        for units in (2.2, 2.6, 1.8, 3.0, 3.4):
            if not self.screen.opens_field(self.middle, self.row(units)):
                continue
            self.screen.type(text)
            if self.state()["prompt"] == text:
                self._prompt = units
                return
        raise Failure("the prompt could not be typed")

    def press_generate(self) -> None:
        """The large button, four rows under the prompt."""
        before = self.state()["made"]
        for below in (5.0, 5.4, 4.6, 5.8):
            self.screen.click(self.middle, self.row(self._prompt + below))
            after = self.state()
            if after["job"] or after["made"] != before:
                self._button = self._prompt + below
                return
        raise Failure("Generate could not be pressed")

    def press_cancel(self) -> None:
        for inset in (0.9, 1.3, 1.7):
            self.screen.click(round(self._right - inset * self._unit - 14), self.row(self._button - 0.2))
            after = self.state()
            if not after["job"] or after["stage"] == "cancelling" or after["message"] == "Cancelled.":
                return
        raise Failure("Cancel could not be pressed")

    def done(self, seconds: float = 120.0) -> dict:
        wait("the motion", lambda: not self.state()["job"], seconds)
        time.sleep(0.5)
        after = self.state()
        if after["level"] == "ERROR":
            raise Failure(after["message"])
        return after


def set_settings(screen: Screen, **values) -> None:
    lines = "".join(f"bpy.context.scene.moclip.{name} = {value!r}\n" for name, value in values.items())
    screen.ask(lines + "answer = True")


def check(condition: bool, what: str, found: object) -> None:
    if not condition:
        raise Failure(f"{what}: {found}")


def generate_and_cancel(user: User) -> str:
    set_settings(user.screen, use_auto_seconds=False, seconds=9.8, variations=8)
    user.write_prompt(PROMPT)
    user.press_generate()
    wait("progress", lambda: user.state()["progress"] > 0.05)
    user.screen.picture("2-progress")
    user.press_cancel()
    seconds = wait("the end of the job", lambda: not user.state()["job"], 10)
    after = user.state()
    check(after["message"] == "Cancelled." and not after["actions"], "cancelled", after)
    return f"cancelled, the backend was free after {seconds:.2f} s"


def generate_and_undo(user: User) -> str:
    set_settings(user.screen, seconds=4.0, variations=1)
    user.press_generate()
    after = user.done()
    check(after["actions"] == [PROMPT] and after["armatures"] == 1, "keyed", after)
    user.screen.ask("bpy.context.scene.frame_set(30); answer = True")
    user.screen.picture("3-keyed")
    user.screen.tool("mousemove", 400, 400)
    user.screen.tool("key", "ctrl+z")
    time.sleep(0.5)
    after = user.state()
    check(not after["actions"] and not after["armatures"], "undone by one Ctrl+Z", after)
    return "keyed, and gone by one Ctrl+Z"


def generate_and_accept(user: User) -> str:
    user.press_generate()
    user.done()
    user.screen.search("Accept")
    after = user.state()
    check(after["message"].startswith("Kept"), "accepted from the search menu", after)
    user.screen.picture("4-accepted")
    return after["message"]


def direct(user: User) -> str:
    """A script of two lines from the search menu, then one of them anew."""
    lines = "s.lines.clear(); s.script_start = 1\n"
    for prompt, end in (("a person walks forward", 73), ("a person waves with the right hand", 145)):
        lines += f"l = s.lines.add(); l.prompt, l.end = {prompt!r}, {end}\n"
    user.screen.ask("s = bpy.context.scene.moclip\n" + lines + "s.active_line = 1\nanswer = True")
    user.screen.search("Generate Script")
    user.done()
    user.screen.search("Regenerate Line")
    after = user.done()
    script = "Keyed 'a person walks forward; a person waves"
    check(after["message"].startswith(script), "a line was made anew", after)
    user.screen.picture("5-direction")
    return after["message"]


def preview(user: User) -> str:
    """Three takes as ghosts: seen, played, one of them picked, and gone by one Ctrl+Z."""
    screen, before = user.screen, user.state()["actions"]
    set_settings(screen, seconds=4.0, variations=3, use_preview=True)
    user.write_prompt(PROMPT)
    user.press_generate()
    user.done()
    wait("three ghosts", lambda: screen.ask(GHOSTS)["ghosts"] == 3)
    check(user.state()["actions"] == before, "nothing is keyed", user.state())
    screen.ask("bpy.context.scene.frame_set(24); answer = True")
    time.sleep(1.0)
    screen.picture("6-ghosts")
    screen.search("Key It")
    after = user.state()
    check(len(after["actions"]) == len(before) + 1 and screen.ask(GHOSTS)["ghosts"] == 0, "one take is keyed", after)
    screen.tool("mousemove", 400, 400)
    screen.tool("key", "ctrl+z")
    time.sleep(0.5)
    check(user.state()["actions"] == before, "gone by one Ctrl+Z", user.state())
    set_settings(screen, use_preview=False)
    return "three ghosts, one keyed, gone by one Ctrl+Z"


def measure(user: User) -> str:
    """Callbacks while jobs of four takes run, the mouse moves over the open panels, and the file has 200 motions; then
    while four ghosts play."""
    user.screen.ask(
        "for k in range(200):\n"
        "    bpy.data.actions.new(f'old {k}')['moclip'] = {'prompt': 'x', 'made': str(k)}\n"
        "answer = True"
    )
    user.write_prompt(PROMPT)
    for attempt in range(3):
        last = attempt == 2
        set_settings(user.screen, use_auto_seconds=False, seconds=9.8, variations=4, seed=attempt, use_preview=last)
        if attempt == 0:
            user.screen.ask("measuring = True\nanswer = True")
        user.press_generate()
        turn = 0
        while user.state()["job"]:
            turn += 1
            user.screen.tool("mousemove", user.middle + 40 * (turn % 2), user.row(2 + turn % 24))
        user.done()
    wait("four ghosts", lambda: user.screen.ask(GHOSTS)["ghosts"] == 4)
    user.screen.ask(PLAY)
    time.sleep(10.0)
    user.screen.picture("2-ghosts")
    user.screen.ask(PLAY)
    told = user.screen.ask("measuring = False\nanswer = summary()")
    for kind in ("pump", "draw", "poll", "ghosts"):
        bad = told[kind]["p99"] >= P99_MS or told[kind]["max"] >= MOST_MS
        check(not bad, f"{kind}: p99 under {P99_MS:.0f} ms and all under {MOST_MS:.0f} ms", told[kind])
    (user.screen.out / "callbacks.json").write_text(json.dumps(told, indent=2), encoding="utf-8")
    return "; ".join(
        f"{kind} {found['count']} times, " + ", ".join(f"{k} {v:.2f}" for k, v in found.items() if k != "count") + " ms"
        for kind, found in told.items()
    )


STEPS = (generate_and_cancel, generate_and_undo, generate_and_accept, direct, preview)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blender", default="blender", help="command that starts Blender")
    parser.add_argument("--zip", type=Path, required=True, help="the add-on, as build_addon.py made it")
    parser.add_argument("--out", type=Path, required=True, help="folder for pictures and logs")
    chosen = parser.parse_args()
    out = chosen.out.resolve()
    for steps, folder in ((STEPS, out), ((measure,), out / "measured")):
        screen = Screen(chosen.blender, chosen.zip.resolve(), folder, opened=steps != STEPS)
        try:
            user = User(screen)
            print(f"Blender {user.version}", flush=True)
            screen.picture("1-start")
            for step in steps:
                print(f"{step.__name__}: {step(user)}", flush=True)
        except Failure as failure:
            screen.picture("failed")
            print(f"failed: {failure}", file=sys.stderr)
            return 1
        finally:
            screen.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
