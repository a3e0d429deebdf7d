# SPDX-License-Identifier: Apache-2.0
"""Runs in Blender: installs the add-on, opens its tab, measures its callbacks, and does what `run.py` asks by files.

A question is OUT/ask-N.py, Python that sets `answer`; its answer is OUT/answer-N.json.
"""

import json
import os
import statistics
import sys
import time
import traceback
from pathlib import Path

import bpy

OUT, ZIP = Path(os.environ["MOCLIP_WINDOW_OUT"]), os.environ["MOCLIP_WINDOW_ZIP"]
MODULE = "bl_ext.user_default.moclip"
times: dict[str, list[float]] = {"pump": [], "apply": [], "draw": [], "poll": [], "ghosts": []}
measuring = False
state = {"number": 0, "ready": False}
bpy.context.preferences.view.show_splash = False


def module(name: str):
    return sys.modules[f"{MODULE}.{name}"]


def session():
    return module("backend.session").SESSION


def spent(kind: str, started: float) -> None:
    if measuring:
        times[kind].append(1000 * (time.perf_counter() - started))


def timed_draw(call):
    def draw(self, context):  # Blender passes as many arguments as a callback names
        started = time.perf_counter()
        call(self, context)
        spent("draw", started)

    return draw


def timed_item(call):
    def draw_item(self, context, layout, data, item, icon, active_data, active_property, index, flag):
        started = time.perf_counter()
        call(self, context, layout, data, item, icon, active_data, active_property, index, flag)
        spent("draw", started)

    return draw_item


def timed_poll(call):
    def poll(cls, context):
        started = time.perf_counter()
        answer = call(cls, context)
        spent("poll", started)
        return answer

    return classmethod(poll)


def timed_pump(call):
    """A pump that keys a motion or works out a ghost counts apart: that is its work."""

    def pump():
        stage = module("preview.stage").STAGE
        waited, before, started = session()._waiting_to_apply, len(stage.ghosts), time.perf_counter()
        interval = call()
        worked = waited and not session()._waiting_to_apply or len(stage.ghosts) > before
        spent("apply" if worked else "pump", started)
        return interval

    return pump


def timed_handler(call):
    def handler(stage):
        started = time.perf_counter()
        call(stage)
        spent("ghosts", started)

    return handler


def instrument() -> None:
    timer, drawing = module("backend.timer"), module("preview.drawing")
    timer.pump = timed_pump(timer.pump)
    drawing.draw_view, drawing.draw_numbers = timed_handler(drawing.draw_view), timed_handler(drawing.draw_numbers)
    for base, name, wrap in (
        (bpy.types.Panel, "draw", timed_draw),
        (bpy.types.UIList, "draw_item", timed_item),
        (bpy.types.Operator, "poll", timed_poll),
    ):
        for cls in base.__subclasses__():
            if cls.__module__.startswith(MODULE) and hasattr(cls, name):
                function = getattr(cls, name)
                setattr(cls, name, wrap(getattr(function, "__func__", function)))


def open_panels() -> None:
    """Let every panel be open when it is first drawn."""
    panels = module("registration").PANELS
    for cls in reversed(panels):
        bpy.utils.unregister_class(cls)
    for cls in bpy.types.Panel.__subclasses__():
        if cls.__module__.startswith(MODULE):
            cls.bl_options = set()
    for cls in panels:
        bpy.utils.register_class(cls)


def summary() -> dict[str, dict[str, float]]:
    told = {}
    for kind, found in times.items():
        if len(found) > 1:
            p99 = statistics.quantiles(found, n=100, method="inclusive")[98]
            told[kind] = {"count": len(found), "p50": statistics.median(found), "p99": p99, "max": max(found)}
        elif found:
            told[kind] = {"count": 1, "max": found[0]}
    return told


def view():
    window = bpy.context.window_manager.windows[0]
    area = next(area for area in window.screen.areas if area.type == "VIEW_3D")
    return window, area, next(region for region in area.regions if region.type == "UI")


def prepare() -> None:
    bpy.ops.extensions.package_install_files(filepath=ZIP, repo="user_default", enable_on_install=True, overwrite=True)
    instrument()
    if os.environ.get("MOCLIP_WINDOW_OPEN"):
        open_panels()
    for obj in list(bpy.data.objects):
        bpy.data.objects.remove(obj)
    _, area, _ = view()
    area.spaces.active.show_region_ui = True


def step() -> float | None:
    global measuring
    if not state["ready"]:
        prepare()
        state["ready"] = True
        return 0.5
    _, area, region = view()
    if region.active_panel_category != "MoCLIP":
        region.active_panel_category = "MoCLIP"
        area.tag_redraw()
        return 0.3
    question = OUT / f"ask-{state['number']}.py"
    if not question.exists():
        return 0.05
    names = {**globals(), "answer": None}
    try:
        exec(question.read_text(encoding="utf-8"), names)
        measuring = names["measuring"]
        told = {"answer": names["answer"]}
    except Exception:  # whatever it is, the one who asked is to see it
        told = {"error": traceback.format_exc()}
    unfinished = OUT / "answer.part"
    unfinished.write_text(json.dumps(told), encoding="utf-8")
    unfinished.replace(OUT / f"answer-{state['number']}.json")
    state["number"] += 1
    return 0.02


bpy.app.timers.register(step, first_interval=1.0, persistent=True)
