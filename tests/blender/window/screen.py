# SPDX-License-Identifier: Apache-2.0
"""A virtual screen with Blender on it: mouse, keyboard, pictures, and questions that Python in Blender answers."""

import json
import os
import shlex
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

INSIDE = Path(__file__).with_name("inside.py")
SIZE = (1280, 800)
PATIENCE = float(os.environ.get("MOCLIP_WINDOW_PATIENCE", "1"))
"""What every wait is multiplied by, for a machine that is busy with other things."""
RENDERING = max(1, (os.cpu_count() or 2) - 1)
"""Threads of the software that stands in for a graphics card: those of a card would leave Blender a processor, too."""
START_SECONDS = 90.0
"""Until Blender has started and installed the zip."""
F3 = 69
"""The key's code: by its name xdotool presses Alt with it on newer keyboard maps."""


class Failure(Exception):
    """What a step should have shown and did not."""


def wait(what: str, reached: Callable[[], bool], seconds: float = 90.0) -> float:
    """Seconds that it took."""
    started = time.monotonic()
    while not reached():
        if time.monotonic() - started > seconds * PATIENCE:
            raise Failure(f"waited {seconds * PATIENCE:.0f} s for {what}")
        time.sleep(0.03 * PATIENCE)
    return time.monotonic() - started


def check(condition: bool, what: str, found: object) -> None:
    if not condition:
        raise Failure(f"{what}: {found}")


class Screen:
    """clicks, keys, sentences: what the hands did so far, a double click being two."""

    def __init__(self, blender: str, archive: Path, out: Path, resources: Path | None = None, opened: bool = False):
        """resources: Blender's folder, in which the zip need not be installed twice (one in `out`). opened: with every
        panel of the add-on open."""
        out.mkdir(parents=True, exist_ok=True)
        for old in [*out.glob("ask-*"), *out.glob("answer-*")]:
            old.unlink()
        self.out, self._asked = out, 0
        self.clicks = self.keys = self.sentences = 0
        display = next(n for n in range(90, 200) if not Path(f"/tmp/.X11-unix/X{n}").exists())
        size = f"{SIZE[0]}x{SIZE[1]}x24"
        self._server = subprocess.Popen(
            ["Xvfb", f":{display}", "-screen", "0", size, "+extension", "GLX", "-nolisten", "tcp"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.environment = {
            **os.environ, "DISPLAY": f":{display}", "LIBGL_ALWAYS_SOFTWARE": "1", "LP_NUM_THREADS": str(RENDERING),
            "MOCLIP_WINDOW_OUT": str(out), "MOCLIP_WINDOW_ZIP": str(archive), "MOCLIP_STATE": str(out / "state"),
            "BLENDER_USER_RESOURCES": str(resources or out / "blender"), "MOCLIP_WINDOW_OPEN": "1" if opened else "",
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
        """What Python in Blender sets `answer` to; a generator goes on from one of Blender's turns to the next, and
        what it returns is the answer."""
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

    def settle(self) -> None:
        """Until what was done is read and drawn, however slow the machine is."""
        time.sleep(0.1)
        self.ask("answer = settled()")

    def _tool(self, *words: object) -> None:
        subprocess.run(["xdotool", *map(str, words)], env=self.environment, check=True, stdout=subprocess.DEVNULL)

    def move(self, x: int, y: int) -> None:
        self._tool("mousemove", x, y)
        self.settle()

    def click(self, x: int, y: int, times: int = 1, button: int = 1, held: str = "") -> None:
        """held: a key that is down meanwhile."""
        self.clicks += times
        self.move(x, y)
        words = ["click", "--repeat", times, "--delay", 30, button]
        self._tool(*(["keydown", held, *words, "keyup", held] if held else words))
        self.settle()

    def grab(self, x: int, y: int) -> None:
        """Press the mouse's button and keep it down."""
        self.clicks += 1
        self.move(x, y)
        self._tool("mousedown", 1)
        self.settle()

    def drag(self, x: int, y: int, to_x: int, to_y: int, let_go: bool = True) -> None:
        """From one place to another, by way of a few between."""
        self.grab(x, y)
        for part in (0.1, 0.5, 0.9, 1.0):
            self.move(round(x + part * (to_x - x)), round(y + part * (to_y - y)))
        if let_go:
            self.release()

    def release(self) -> None:
        self._tool("mouseup", 1)
        self.settle()

    def key(self, name: object, count: bool = True) -> None:
        self.keys += count
        self._tool("key", name)
        self.settle()

    def type(self, text: str) -> None:
        """Into the field that is open: in place of what was there."""
        self.sentences += 1
        self.key("ctrl+a", count=False)
        self._tool("type", "--delay", 15, text)
        self.settle()
        self.key("Return", count=False)

    def search(self, words: str) -> None:
        """Press F3 over the 3D View and choose an operator by its name."""
        self.move(400, 300)
        before = self._pixels(400, 300)
        self.key(F3)
        # Gathering the menus takes a while the first time.
        wait("the search that F3 opens", lambda: self._pixels(400, 300) != before, 10)
        self.settle()
        self._tool("type", "--delay", 20, words.lower())
        self.settle()
        time.sleep(0.7)
        self.key("Return", count=False)

    def _pixels(self, x: int, y: int) -> bytes:
        """Those around the mouse at a place, which change when a menu or a field opens there."""
        command = ["import", "-window", "root", "-crop", f"60x20+{x - 30}+{y - 10}", "rgb:-"]
        return subprocess.run(command, env=self.environment, check=True, capture_output=True).stdout

    def picture(self, name: str, crop: str = "") -> Path:
        """crop: WIDTHxHEIGHT+LEFT+TOP of it."""
        path = self.out / f"{name}.png"
        cut = ["-crop", crop, "+repage"] if crop else []
        subprocess.run(["import", "-window", "root", *cut, str(path)], env=self.environment, check=True)
        return path
