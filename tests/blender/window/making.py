# SPDX-License-Identifier: Apache-2.0
"""Steps: from a sentence to a motion that is kept, by the panel, the search and the keys; ghosts; takes back."""

import time

from screen import check, wait
from user import PROMPT, User, set_settings

MOST_CLICKS, MOST_SENTENCES = 4, 1
GHOSTS = """
stage = module("preview.stage").STAGE
answer = {"ghosts": len(stage.ghosts), "chosen": stage.chosen}
"""
MIXAMO = """
import figures
with in_view():
    rig = figures.make_mixamo()
    bpy.ops.object.select_all(action="DESELECT")
    rig.select_set(True)
    bpy.context.view_layer.objects.active = rig
remember("Mixamo")
"""
CLEAR = """
scene = bpy.context.scene
scene.moclip.target, scene.moclip.pin_target = None, False  # in this order: who is chosen is pinned
for obj in list(bpy.data.objects):
    bpy.data.objects.remove(obj)
for action in list(bpy.data.actions):
    bpy.data.actions.remove(action)
scene.frame_set(1)
remember("nothing")
answer = True
"""
# A person sees the tab; it is somewhere along the sidebar's edge.
CLOSE = """
window, area, region = view()
region.active_panel_category = "Tool"
area.spaces.active.show_region_ui = False
answer = True
"""
CATEGORY = "window, area, region = view(); answer = region.active_panel_category"
SHOWN = "answer = view()[1].spaces.active.show_region_ui"


def first_motion(user: User) -> str:
    """From a fresh Blender, the sidebar closed and a character of Mixamo's names selected, to a motion that is kept."""
    screen = user.screen
    screen.ask(MIXAMO + "answer = True")
    tab = _place_of_tab(user)
    screen.ask(CLOSE)
    screen.settle()
    screen.picture("01-fresh")
    before = screen.clicks, screen.keys, screen.sentences
    screen.move(400, 300)
    screen.key("n")
    wait("the sidebar", lambda: screen.ask(SHOWN), 10)
    screen.click(*tab)
    check(screen.ask(CATEGORY) == "MoCLIP", "the tab is open", screen.ask(CATEGORY))
    user.write_prompt()
    user.press_generate()
    user.done()
    screen.picture("01-keyed")
    user.press("moclip.accept(", 0.2)
    clicks, keys, sentences = screen.clicks - before[0], screen.keys - before[1], screen.sentences - before[2]
    after = user.state()
    check(after["message"].startswith("Kept") and after["armatures"] == 1, "a motion on the character is kept", after)
    screen.picture("01-kept")
    check(clicks <= MOST_CLICKS and sentences <= MOST_SENTENCES, "few clicks", (clicks, sentences))
    return f"{clicks} clicks, {keys} key (N) and {sentences} sentence from a fresh Blender to a motion that is kept"


def _place_of_tab(user: User) -> tuple[int, int]:
    """By trying: what is asked of a person is only to read."""
    screen, x = user.screen, user.right - 14
    screen.ask("window, area, region = view(); region.active_panel_category = 'Tool'; answer = True")
    for y in range(user.top + 40, user.bottom - 20, 24):
        screen.click(x, y)
        if screen.ask(CATEGORY) == "MoCLIP":
            return x, y + 6
    raise AssertionError("the sidebar has no tab MoCLIP")


def generate_and_cancel(user: User) -> str:
    user.screen.ask(CLEAR)
    set_settings(user.screen, use_auto_seconds=False, seconds=9.8, variations=8)
    user.write_prompt(PROMPT)
    user.press_generate()
    wait("progress", lambda: user.state()["progress"] > 0.05)
    user.screen.picture("02-progress")
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
    user.look_from("ASIDE")
    user.screen.picture("03-keyed")
    user.undo()
    after = user.state()
    check(not after["actions"] and not after["armatures"], "undone by one Ctrl+Z", after)
    return "keyed, and gone by one Ctrl+Z"


def generate_and_accept(user: User) -> str:
    user.press_generate()
    user.done()
    user.screen.search("Accept")
    after = user.state()
    check(after["message"].startswith("Kept"), "accepted from the search menu", after)
    user.screen.picture("04-accepted")
    return after["message"]


def use_keys(user: User) -> str:
    """Generate by its key, and Accept from the pie menu by its own, with nothing pressed in the panel."""
    screen = user.screen
    before = user.state()["made"]
    screen.move(400, 300)
    screen.key("ctrl+alt+m")
    user.begun(before)
    user.done()
    screen.move(400, 400)
    screen.key("shift+alt+m")
    time.sleep(0.7)  # it unfolds
    screen.picture("05-pie")
    screen.move(400, 320)
    screen.picture("05-pie-accept")
    screen.click(400, 320)
    after = user.state()
    check(after["message"].startswith("Kept"), "accepted from the pie menu", after)
    return "Ctrl+Alt+M generates, Shift+Alt+M and a click above keep it"


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
    user.look_from("ASIDE", 9.0)
    screen.picture("06-ghosts")
    screen.search("Key It")
    after = user.state()
    check(len(after["actions"]) == len(before) + 1 and screen.ask(GHOSTS)["ghosts"] == 0, "one take is keyed", after)
    user.undo()
    check(user.state()["actions"] == before, "gone by one Ctrl+Z", user.state())
    set_settings(screen, use_preview=False, variations=1)
    return "three ghosts, one keyed, gone by one Ctrl+Z"
