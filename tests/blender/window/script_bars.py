# SPDX-License-Identifier: Apache-2.0
"""Steps: a script by the panel's buttons, and its lines as bars in the Timeline and the Dope Sheet under the mouse."""

from screen import Screen, check, wait
from user import User

HIGHER = 180
"""Pixels by which the Timeline is made higher."""
LINES = (("a person walks forward", 73), ("a person waves with the right hand", 145))
BARS = """
window, area, region = area_of("DOPESHEET_EDITOR")
editor, settings = module("timeline.editor"), bpy.context.scene.moclip
with bpy.context.temp_override(window=window, area=area, region=region):
    shown, lane, is_shown = editor.view_of(region), editor.lane_of(bpy.context), editor.shows_bars(bpy.context)
bounds = module("editing.script").bounds_of(settings)
answer = {"x": [round(region.x + shown.x(bound)) for bound in bounds], "frame": shown.x(1) - shown.x(0),
          "y": round(window.height - region.y - (lane.bottom + lane.top) / 2), "bounds": list(bounds),
          "prompts": [line.prompt for line in settings.lines], "shown": is_shown, "room": region.height - lane.top,
          "edge": window.height - area.y - area.height, "ruler": window.height - region.y - region.height + 10}
"""
FRAME = "answer = bpy.context.scene.frame_current"


def script_of(lines: tuple[tuple[str, int], ...]) -> str:
    text = "s = bpy.context.scene.moclip\ns.lines.clear(); s.script_start = 1\n"
    for prompt, end in lines:
        text += f"l = s.lines.add(); l.prompt, l.end = {prompt!r}, {end}\n"
    return text + "s.active_line = 1\nremember('script')\nanswer = True"


def direct(user: User) -> str:
    """A script of two lines from the search menu, then one of them anew."""
    user.screen.ask(script_of(LINES))
    user.screen.search("Generate Script")
    wait("a motion to be made", lambda: user.state()["job"] or "waves" in user.state()["message"], 10)
    user.done()
    before = user.state()["made"]
    user.screen.search("Regenerate Line")
    user.begun(before)
    after = user.done()
    script = "Keyed 'a person walks forward; a person waves"
    check(after["message"].startswith(script), "a line was made anew", after)
    user.screen.picture("07-direction")
    return after["message"]


def drag_bars(user: User) -> str:
    """In the Timeline and in the Dope Sheet: longer, shorter, moved, left as it was by Esc, taken back, written in."""
    screen = user.screen
    screen.ask(script_of(LINES))
    bars = screen.ask(BARS)
    if bars["room"] < 20:  # as low as Blender 4.3 makes it, with room for the ruler alone
        screen.picture("08-low")
        screen.ask("bpy.context.scene.frame_set(10); answer = True")
        screen.click(bars["x"][1], bars["ruler"])
        check(abs(screen.ask(FRAME) - 73) <= 1, "a click on the ruler brings the playhead", screen.ask(FRAME))
    edge = bars["edge"]
    screen.drag(500, edge, 500, edge - HIGHER)
    bars = screen.ask(BARS)
    check(bars["shown"] and bars["room"] > 60, "the Timeline is higher by its edge, and shows bars", bars)
    told = []
    for editor, name in (("TIMELINE", "08-timeline"), ("DOPESHEET", "09-dope-sheet")):
        screen.ask(f"area_of('DOPESHEET_EDITOR')[1].ui_type = {editor!r}; answer = True")
        screen.ask(script_of(LINES))
        screen.settle()
        _resize_and_move(user, name)
        told.append(f"{editor.lower()}: resized, moved, left, taken back")
    screen.ask("area_of('DOPESHEET_EDITOR')[1].ui_type = 'TIMELINE'; answer = True")
    screen.settle()
    _write(screen)
    edge = screen.ask(BARS)["edge"]
    screen.drag(500, edge, 500, edge + HIGHER)
    return "; ".join((*told, "written in place"))


def _resize_and_move(user: User, name: str) -> None:
    screen = user.screen
    bars = screen.ask(BARS)
    x, y, step = bars["x"], bars["y"], bars["frame"]
    # The last line's end to the right: it grows by 24 frames, and nothing else moves.
    end = x[2] - 3
    screen.drag(end, y, end + round(24 * step), y, let_go=False)
    screen.picture(f"{name}-dragged")
    screen.release()
    _bounds(screen, (1, 73, 169), "a bar is longer by its end")
    # The first line's end to the left: it is shorter, and the next begins earlier.
    end = x[1] - 3
    screen.drag(end, y, end - round(12 * step), y)
    _bounds(screen, (1, 61, 169), "a bar is shorter by its end")
    # The whole of the second line: the first gives way.
    middle = (x[1] + x[2]) // 2
    screen.drag(middle, y, middle + round(6 * step), y)
    _bounds(screen, (1, 67, 175), "a bar is moved")
    before = screen.ask(BARS)["bounds"]
    screen.drag(middle, y, middle + round(20 * step), y, let_go=False)
    screen.key("Escape", count=False)
    screen.release()
    _bounds(screen, before, "Esc leaves a bar as it was", within=0)
    user.undo()
    _bounds(screen, (1, 61, 169), "Ctrl+Z takes a drag back")
    screen.picture(name)


def _bounds(screen: Screen, wanted: tuple[int, ...], what: str, within: int = 1) -> None:
    """within: frames that a place of a whole pixel may be off."""
    found = screen.ask(BARS)["bounds"]
    near = all(abs(a - b) <= within for a, b in zip(found, wanted, strict=True))
    check(near, f"{what}, {tuple(wanted)}", found)


def _write(screen: Screen) -> None:
    """A double click opens a bar's text under the mouse, a right click a menu."""
    screen.ask(script_of(LINES))
    screen.settle()
    bars = screen.ask(BARS)
    middle = (bars["x"][0] + bars["x"][1]) // 2
    screen.click(middle, bars["y"], times=2)
    screen.picture("10-written")
    screen.type("a person runs")
    check(screen.ask(BARS)["prompts"][0] == "a person runs", "a bar is written in", screen.ask(BARS)["prompts"])
    screen.move(400, 300)
    screen.click(middle, bars["y"], button=3)
    screen.picture("10-menu")
    screen.key("Escape", count=False)
    screen.move(400, 300)
