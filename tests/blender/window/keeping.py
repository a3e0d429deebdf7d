# SPDX-License-Identifier: Apache-2.0
"""Steps: the library across files in the panel and in the Asset Browser, and a path that is walked with pace."""

import math

from making import CLEAR, MIXAMO
from screen import check, wait
from script_bars import BARS, HIGHER
from user import MAIN, User, set_settings

LIBRARY = """
library = bpy.context.window_manager.moclip_library
rig = bpy.context.view_layer.objects.active
action = rig.animation_data.action if rig is not None and rig.animation_data else None
answer = {"rows": [row.name for row in library.rows], "rig": rig.name if rig else "",
          "action": action.name if action else "",
          "files": sorted(path.name for path in (OUT / "library").iterdir()), "message": session().message}
"""
# As large as the picture needs; the list of libraries beside it is of no use here.
BROWSER = """
def open_browser():
    _, area, _ = area_of("DOPESHEET_EDITOR")
    area.ui_type = "ASSETS"
    yield from settled()
    space = area.spaces.active
    space.params.asset_library_reference = "MoCLIP"
    space.params.display_size_discrete = "LARGE"
    space.show_region_toolbar = space.show_region_tool_props = False
    for _ in range(100):
        area.tag_redraw()
        yield
    window, area, region = area_of("FILE_BROWSER")
    return {"x": region.x, "top": window.height - region.y - region.height, "width": region.width}
answer = open_browser()
"""
OTHER = """
with in_view():
    for obj in list(bpy.data.objects):
        obj.select_set(False)
import figures
with in_view():
    rig = figures.make_mixamo("Other", "mixamorig:", 0.6)
    bpy.ops.object.select_all(action="DESELECT")
    rig.select_set(True)
    bpy.context.view_layer.objects.active = rig
remember("Other")
answer = True
"""
PATH = """
data = bpy.data.curves.new("Path", "CURVE")
data.dimensions = "3D"
spline = data.splines.new("POLY")
spline.points.add(2)
for point, place, radius in zip(spline.points, ((0, 0, 0, 1), (0, -3, 0, 1), (3, -6, 0, 1)), (0.6, 1.0, 1.6)):
    point.co, point.radius = place, radius
curve = bpy.data.objects.new("Path", data)
bpy.context.scene.collection.objects.link(curve)
bpy.context.scene.moclip.path, bpy.context.scene.moclip.path_pace = curve, "RADIUS"
remember("Path")
answer = True
"""
WAY = """
rig, scene, found = bpy.context.scene.moclip.target, bpy.context.scene, []
bone = module("rig.mapping").map_rig(rig)["pelvis"]
first, last = rig.animation_data.action.frame_range
for frame in range(round(first), round(last) + 1):
    scene.frame_set(frame)
    found.append(list((rig.matrix_world @ rig.pose.bones[bone].head).xy))
answer = found
"""


def keep_in_library(user: User) -> str:
    """Save a motion, see it in the list and its picture in the Asset Browser, put it on others from both."""
    screen = user.screen
    screen.ask(CLEAR)
    screen.ask(MIXAMO + "answer = True")
    set_settings(screen, use_auto_seconds=False, seconds=4.0, variations=1)
    user.open_alone(MAIN)
    user.write_prompt("a person waves with the right hand")
    user.press_generate()
    user.done()
    user.open_alone("MOCLIP_PT_library")
    user.press("moclip.save_to_library(", 0.6)
    wait("a row in the library", lambda: screen.ask(LIBRARY)["rows"], 20)
    screen.picture("11-library-saved")
    screen.ask(OTHER)
    user.press("moclip.use_from_library(", 0.2)
    found = screen.ask(LIBRARY)
    check(found["rig"] == "Other" and "waves" in found["action"], "the motion is on another character", found)
    screen.ask("bpy.context.scene.frame_set(30); answer = True")
    user.look_from("FRONT")
    screen.picture("11-library-used")
    _use_from_browser(user)
    return f"{found['files']} kept, used on a smaller character from the panel and from the Asset Browser"


def _use_from_browser(user: User) -> None:
    screen = user.screen
    screen.ask(OTHER.replace('"Other"', '"Third"'))
    user.press("moclip.show_library(", 0.4)
    edge = screen.ask(BARS)["edge"]
    screen.drag(500, edge, 500, edge - HIGHER)
    place = screen.ask(BROWSER, 120)
    x, y = place["x"] + 60, place["top"] + 70
    screen.click(x, y)
    screen.picture("12-asset-browser")
    screen.click(x, y, button=3)
    screen.picture("12-asset-menu")
    menu = _entry_of_menu(user, x, y)
    check(menu, "the asset's menu has Apply with MoCLIP", menu)
    found = screen.ask(LIBRARY)
    check(found["rig"] == "Third" and "waves" in found["action"], "the asset is on a third character", found)
    screen.picture("12-asset-applied")
    screen.ask("area_of('FILE_BROWSER')[1].ui_type = 'TIMELINE'; answer = True")
    screen.settle()
    screen.drag(500, edge - HIGHER, 500, edge)


def _entry_of_menu(user: User, x: int, y: int) -> bool:
    """The last entry of the menu that is open: one up from the first, as menus go round."""
    screen = user.screen
    screen.key("End", count=False)
    screen.key("Return", count=False)
    return "waves" in screen.ask(LIBRARY)["action"]


def walk_a_path(user: User) -> str:
    """A curve on the ground, slow at its beginning and fast at its end by the radius of its points."""
    screen = user.screen
    screen.ask(CLEAR)
    screen.ask(MIXAMO + "answer = True")
    screen.ask(PATH)
    set_settings(screen, use_auto_seconds=False, seconds=6.0, variations=1)
    user.open_alone("MOCLIP_PT_fit")
    screen.picture("13-fit")
    user.open_alone(MAIN)
    user.write_prompt()
    user.press_generate()
    user.done()
    way = screen.ask(WAY)
    off = max(_off((x, y)) for x, y in way)
    third = len(way) // 3
    slow, fast = (math.dist(way[k], way[k + third]) for k in (2, len(way) - third - 1))
    screen.ask("bpy.context.scene.frame_set(90); answer = True")
    user.look_from("ASIDE", 12.0)
    screen.picture("13-path")
    check(off < 0.35 and fast > 1.2 * slow, "the path is gone along, slowly and then faster", (off, slow, fast))
    return f"at most {off:.2f} m off the path, {slow:.2f} m in the first third, {fast:.2f} m in the last"


def _off(place: tuple[float, float]) -> float:
    """Metres from the path of PATH."""
    x, y = place
    straight = math.hypot(x, y - min(0.0, max(-3.0, y)))
    along = max(0.0, (x - (y + 3.0)) / 2.0)
    return min(straight, math.hypot(x - along, y + 3.0 + along))
