# SPDX-License-Identifier: Apache-2.0
"""A step: the add-on's callbacks are timed while jobs run and ghosts and bars are played over, all panels open."""

import json
import time

from keeping import LIBRARY
from making import GHOSTS
from others import Moment
from screen import RENDERING, check, wait
from script_bars import BARS, script_of
from user import PROMPT, User, set_settings

P99_MS, MOST_MS = 5.0, 30.0
MOTIONS, ROWS, SENTENCES = 200, 500, 24
PLAYED = 30.0
"""Seconds: some hundred draws, of which one may take what the first does on its own, in which shaders are prepared."""
PLAY = """
window, area, _ = view()
with bpy.context.temp_override(window=window, area=area):
    bpy.ops.screen.animation_play()
answer = True
"""
FULL = f"""
for k in range({MOTIONS}):
    bpy.data.actions.new(f"old {{k}}")["moclip"] = {{"prompt": "x", "made": str(k)}}
answer = True
"""
SHELF = f"""
rows = bpy.context.window_manager.moclip_library.rows
for k in range({ROWS}):
    row = rows.add()
    row.name, row.words, row.path, row.action = f"a person walks forward {{k}}, 4.0 s", "walk", "/gone.blend", f"{{k}}"
answer = True
"""
SCRIPT = tuple((f"{PROMPT} {k}", 1 + 72 * (k + 1)) for k in range(SENTENCES))


def measure(user: User, by_clock: bool) -> str:
    """Jobs of four takes, the mouse over the open panels, 200 motions in the file, 500 in the library, a script of 24
    lines; then four ghosts that play. by_clock: judge by it, which counts what others do, and not by the processor's
    time."""
    screen = user.screen
    screen.ask(FULL)
    screen.ask(script_of(SCRIPT))
    edge = screen.ask(BARS)["edge"]
    screen.drag(500, edge, 500, edge - 60)  # high enough for bars
    user.write_prompt(PROMPT)
    for attempt in range(3):
        last = attempt == 2
        set_settings(screen, use_auto_seconds=False, seconds=9.8, variations=4, seed=attempt, use_preview=last)
        user.press_generate()
        turn = 0
        while user.state()["job"]:
            turn += 1
            screen.move(user.middle + 40 * (turn % 2), user.row(2 + turn % 24))
        user.done()
        if attempt == 0:  # the first one starts the backend, and is kept
            with_library(user)
            screen.ask("clock.measuring = True; answer = True")
            began = Moment.now()
    wait("four ghosts", lambda: screen.ask(GHOSTS)["ghosts"] == 4)
    screen.ask(PLAY)
    time.sleep(PLAYED)
    screen.picture("20-ghosts")
    screen.ask(PLAY)
    told = screen.ask("clock.measuring = False\nanswer = clock.summary()")
    beside = began.told()
    (screen.out / "callbacks.json").write_text(json.dumps(told, indent=2), encoding="utf-8")
    figures = "\n".join(_told(kind, found) for kind, found in told.items())
    print(f"  {beside}; software draws with {RENDERING}\n{figures}", flush=True)
    own = "" if by_clock else "own "
    for kind in ("pump", "draw", "poll", "ghosts", "bars"):
        check(kind in told, f"{kind} was called", sorted(told))
        bad = told[kind][f"{own}p99"] >= P99_MS or told[kind][f"{own}max"] >= MOST_MS
        check(not bad, f"{kind}: {own}p99 under {P99_MS:.0f} ms and all under {MOST_MS:.0f} ms ({beside})", told[kind])
    by = "by the clock" if by_clock else "of the processor's time"
    return f"p99 under {P99_MS:.0f} ms and all under {MOST_MS:.0f} ms, {by}"


def with_library(user: User) -> None:
    """One motion is saved; the rows of many more are written beside it."""
    screen = user.screen
    screen.search("Save to Library")
    wait("a row in the library", lambda: screen.ask(LIBRARY)["rows"], 20)
    screen.ask(SHELF)


def _told(kind: str, found: dict) -> str:
    clock, own = (_figures(found, which) for which in ("", "own "))
    return f"  {kind:8} {found['count']:6} times   ms p50 p99 max   by the clock {clock}   processor {own}"


def _figures(found: dict, which: str) -> str:
    return " ".join(f"{found[which + what]:7.2f}" for what in ("p50", "p99", "max"))
