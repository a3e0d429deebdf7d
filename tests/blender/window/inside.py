# SPDX-License-Identifier: Apache-2.0
"""Runs in Blender: installs the add-on and does what the scripted user asks by files.

A question is OUT/ask-N.py, Python that sets `answer`; its answer is OUT/answer-N.json. An answer that is a generator
goes on from one of Blender's turns to the next, so that what it does is drawn between; what it returns is told.
"""

import json
import math
import os
import sys
import traceback
import types
from pathlib import Path

import bpy
from mathutils import Euler

OUT, ZIP = Path(os.environ["MOCLIP_WINDOW_OUT"]), os.environ["MOCLIP_WINDOW_ZIP"]
MODULE = "bl_ext.user_default.moclip"
ROOT = Path(__file__).resolve().parents[3]
for folder in ("tests/blender/window", "tests/blender", "backend/moclip_backend/blender/scripts"):
    sys.path.insert(0, str(ROOT / folder))
import clock  # noqa: E402  (beside this file, where Blender does not look)

state = {"number": 0, "ready": False, "running": None}
bpy.context.preferences.view.show_splash = False


def module(name: str):
    return sys.modules[f"{MODULE}.{name}"]


def session():
    return module("backend.session").SESSION


def area_of(kind: str):
    """The first window, its area of a kind, and that one's region."""
    window = bpy.context.window_manager.windows[0]
    area = next(area for area in window.screen.areas if area.type == kind)
    return window, area, next(region for region in area.regions if region.type == "WINDOW")


def view():
    window, area, _ = area_of("VIEW_3D")
    return window, area, next(region for region in area.regions if region.type == "UI")


def in_view():
    window, area, region = area_of("VIEW_3D")
    return bpy.context.temp_override(window=window, area=area, region=region)


def remember(what: str) -> None:
    with in_view():
        bpy.ops.ed.undo_push(message=what)


def settled():
    for _ in range(3):
        yield


def tab():
    """Open the add-on's tab of the sidebar, and tell where it is, in pixels from the screen's top left."""
    window, area, region = view()
    area.spaces.active.show_region_ui = True
    held = 0
    while held < 5:  # what was set before the panels were first drawn does not last
        held = held + 1 if region.active_panel_category == "MoCLIP" else 0
        area.tag_redraw()
        yield
        if not held:
            region.active_panel_category = "MoCLIP"
    unit = 20 * bpy.context.preferences.system.ui_scale
    top = window.height - region.y - region.height
    return {"left": region.x, "right": region.x + region.width, "top": top, "bottom": top + region.height,
            "unit": unit, "version": bpy.app.version_string}  # fmt: skip


def under_mouse(window, area, region) -> str:
    """What Blender writes for the operator or the property under the mouse; "" over none."""
    with bpy.context.temp_override(window=window, area=area, region=region):
        for copy, how in (
            (bpy.ops.ui.copy_python_command_button, {}),
            (bpy.ops.ui.copy_data_path_button, {"full_path": True}),
        ):
            if copy.poll():
                copy(**how)
                return bpy.context.window_manager.clipboard
    return ""


def find_button(wanted: str, x: int, known):
    """Move the mouse down the sidebar until a button names what is wanted. known: where it was last."""
    window, area, region = view()

    def seen_at(x, y):
        window.cursor_warp(x, window.height - y)
        yield from settled()
        return wanted in under_mouse(window, area, region)

    if known and (yield from seen_at(*known)):
        return known
    top = window.height - region.y - region.height
    for y in range(top + 6, top + region.height, 9):
        if (yield from seen_at(x, y)):
            return [x, y + 5]  # nearer to its middle: buttons are twice as high as a step
    return None


def panels_in_order() -> list[str]:
    """Those that the sidebar shows now, from the first one down, by their names."""
    panels = [cls for cls in module("registration").PANELS if issubclass(cls, bpy.types.Panel)]
    sidebar = [cls for cls in panels if cls.bl_space_type == "VIEW_3D"]
    with in_view():
        return [cls.__name__ for cls in sidebar if not hasattr(cls, "poll") or cls.poll(bpy.context)]


def panels_drawn():
    """Those of the tab that are open, as they are when they are drawn anew."""
    clock.drawn.clear()
    view()[1].tag_redraw()
    yield from settled()
    return sorted(clock.drawn)


def look(side: str, distance: float, height: float) -> None:
    """Turn the view to whoever is keyed, from the front, from the left or from before their left shoulder."""
    _, area, _ = view()
    rig, at = bpy.context.scene.moclip.target, (0.0, 0.0, 0.0)
    if rig is not None:
        bone = module("rig.mapping").map_rig(rig)["pelvis"]
        at = rig.matrix_world @ rig.pose.bones[bone].head
    turned = area.spaces.active.region_3d
    if side == "ASIDE":
        turned.view_perspective = "PERSP"
        turned.view_rotation = Euler((math.radians(75), 0, math.radians(40))).to_quaternion()
    else:
        with in_view():
            bpy.ops.view3d.view_axis(type=side)
        turned.view_perspective = "ORTHO"
    turned.view_location, turned.view_distance = (at[0], at[1], height), distance
    area.tag_redraw()


def install() -> None:
    """Or only enable what was installed before from the same zip, as unpacking takes minutes on a busy machine."""
    told = Path(os.environ["BLENDER_USER_RESOURCES"]) / "installed"
    now = f"{ZIP} {os.stat(ZIP).st_mtime_ns}"
    if told.is_file() and told.read_text(encoding="utf-8") == now:
        bpy.ops.preferences.addon_enable(module=MODULE)
        return
    bpy.ops.extensions.package_install_files(filepath=ZIP, repo="user_default", enable_on_install=True, overwrite=True)
    told.write_text(now, encoding="utf-8")


def prepare() -> None:
    install()
    clock.instrument(MODULE)
    if os.environ.get("MOCLIP_WINDOW_OPEN"):
        open_panels()
    # However slow the machine is, two clicks are a double click, and a pie stays open once its key is let go.
    bpy.context.preferences.inputs.mouse_double_click_time = 1000
    bpy.context.preferences.view.pie_tap_timeout = 1000
    for obj in list(bpy.data.objects):
        bpy.data.objects.remove(obj)
    library = OUT / "library"
    library.mkdir(exist_ok=True)
    bpy.context.preferences.addons[MODULE].preferences.library_folder = str(library)


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


def tell(told: dict) -> None:
    unfinished = OUT / "answer.part"
    unfinished.write_text(json.dumps(told), encoding="utf-8")
    unfinished.replace(OUT / f"answer-{state['number']}.json")
    state["number"] += 1
    state["running"] = None


def step() -> float | None:
    if not state["ready"]:
        prepare()
        state["ready"] = True
        return 0.5
    question = OUT / f"ask-{state['number']}.py"
    if state["running"] is None and not question.exists():
        return 0.03
    try:
        if state["running"] is None:
            names = {**globals(), "answer": None}
            exec(question.read_text(encoding="utf-8"), names)
            if not isinstance(names["answer"], types.GeneratorType):
                tell({"answer": names["answer"]})
                return 0.01
            state["running"] = names["answer"]
        next(state["running"])
    except StopIteration as done:
        tell({"answer": done.value})
    except Exception:  # whatever it is, the one who asked is to see it
        tell({"error": traceback.format_exc()})
    return 0.01


bpy.app.timers.register(step, first_interval=1.0, persistent=True)
