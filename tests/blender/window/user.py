# SPDX-License-Identifier: Apache-2.0
"""Who uses the add-on: finds panels and buttons as a mouse finds them, and asks Blender what came of it."""

import time

from screen import START_SECONDS, Failure, Screen, check, wait

STATE = """
s = session()
answer = {"state": s.state, "message": s.message, "level": s.level, "job": s.job is not None,
          "progress": s.job.progress if s.job else 0, "stage": s.job.stage if s.job else "",
          "actions": sorted(a.name for a in bpy.data.actions), "prompt": bpy.context.scene.moclip.prompt,
          "made": s.held[0].id if s.held else "", "armatures": sum(o.type == "ARMATURE" for o in bpy.data.objects)}
"""
PROMPT = "a person walks forward"
MAIN = "MOCLIP_PT_main"


class User:
    def __init__(self, screen: Screen):
        self.screen = screen
        place = screen.ask("answer = tab()", START_SECONDS)
        self.version, self._unit = place["version"], place["unit"]
        self.left, self.right, self.top, self.bottom = (place[side] for side in ("left", "right", "top", "bottom"))
        self._places: dict[str, tuple[int, int]] = {}
        self._open = {MAIN}

    def state(self) -> dict:
        return self.screen.ask(STATE)

    def row(self, units: float) -> int:
        return round(self.top + units * self._unit)

    @property
    def middle(self) -> int:
        return round(self.left + 0.4 * (self.right - self.left))

    def find(self, wanted: str, share: float = 0.4) -> tuple[int, int]:
        """Where in the sidebar a button is whose operator or property Blender writes with these words, at a share of
        the sidebar's width."""
        known = self._places.get(wanted)
        x = round(self.left + share * (self.right - self.left))
        place = self.screen.ask(f"answer = find_button({wanted!r}, {x}, {known!r})", 120)
        if place is None:
            raise Failure(f"there is no button '{wanted}' to be seen")
        self._places[wanted] = x, y = tuple(place)
        return x, y

    def press(self, wanted: str, share: float = 0.4) -> None:
        self.screen.click(*self.find(wanted, share))

    def write_prompt(self, text: str = PROMPT) -> None:
        self.press(".moclip.prompt")
        self.screen.type(text)
        found = self.state()["prompt"]
        check(found == text, "the prompt is what was typed", found)

    def press_generate(self) -> None:
        before = self.state()["made"]
        self.press("moclip.generate(")
        self.begun(before)

    def begun(self, before: str) -> None:
        """A motion is being made, or was since `before`."""
        after = {}

        def is_so() -> bool:
            after.update(self.state())
            return after["job"] or after["made"] != before or after["level"] == "ERROR"

        wait("a motion to be made", is_so, 10)
        check(after["level"] != "ERROR", "a motion is made", after)

    def press_cancel(self) -> None:
        self._places["moclip.cancel("] = (self.right - round(2.4 * self._unit), self._places["moclip.generate("][1])
        self.press("moclip.cancel(", 0.83)

    def done(self, seconds: float = 120.0) -> dict:
        wait("the motion", lambda: not self.state()["job"], seconds)
        # It has come, and is keyed when Blender's timer has been there once more.
        wait("word of the motion", lambda: self.state()["message"], 10)
        self.screen.settle()
        after = self.state()
        if after["level"] == "ERROR":
            raise Failure(after["message"])
        return after

    def open_alone(self, panel: str) -> None:
        """Close the panels that are open, and open one. All that are closed have headers of one height."""
        if self._open == {panel}:
            return
        order = self.screen.ask("answer = panels_in_order()")
        for other in sorted(self._open, key=order.index):
            self._toggle(order.index(other))
        self._open = {panel}
        before = self.screen.ask("answer = panels_drawn()")
        check(panel not in before, "panels are closed", before)
        self._toggle(order.index(panel))
        after = self.screen.ask("answer = panels_drawn()")
        check(panel in after, "a panel opens by its header", after)

    def _toggle(self, number: int) -> None:
        self.screen.click(self.middle, self.row(0.65 + 1.4 * number))

    def look_from(self, side: str = "RIGHT", distance: float = 5.0, height: float = 0.85) -> None:
        """At the hips of whoever is keyed, or the world's middle, as numpad 1 or 3 shows it."""
        self.screen.ask(f"look({side!r}, {distance}, {height}); answer = True")
        self.screen.ask(f"look({side!r}, {distance}, {height}); answer = True")  # the first may only begin to turn
        self.screen.settle()

    def undo(self) -> None:
        self.screen.move(400, 300)
        self.screen.key("ctrl+z")
        time.sleep(0.3)


def set_settings(screen: Screen, **values) -> None:
    """In one step of the undo history, as if they had been set in the panel."""
    lines = "".join(f"bpy.context.scene.moclip.{name} = {value!r}\n" for name, value in values.items())
    screen.ask(lines + "remember('settings')\nanswer = True")
