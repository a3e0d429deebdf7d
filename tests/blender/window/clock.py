# SPDX-License-Identifier: Apache-2.0
"""Runs in Blender: how long the add-on's callbacks take, by the clock and of the processor's time.

By the clock, callbacks wait for other programs on a busy machine: the second figure is what the add-on itself costs.
"""

import functools
import statistics
import sys
import time

import bpy

KINDS = ("pump", "apply", "draw", "poll", "ghosts", "bars", "library")
"""apply: a pump that keys a motion or works out a ghost; library: a turn of reading files. Both are work."""
times: dict[str, list[tuple[float, float]]] = {kind: [] for kind in KINDS}
drawn: set[str] = set()
"""Panels that were drawn."""
measuring = False


def instrument(package: str) -> None:
    def module(name: str):
        return sys.modules[f"{package}.{name}"]

    timer, ghosts, bars = module("backend.timer"), module("preview.drawing"), module("timeline.drawing")
    timer.pump = _timed_pump(timer.pump, module("preview.stage").STAGE, module("backend.session").SESSION)
    ghosts.draw_view, ghosts.draw_numbers = _timed(ghosts.draw_view, "ghosts"), _timed(ghosts.draw_numbers, "ghosts")
    bars.detach()  # Blender holds the function itself
    bars.draw_bars = _timed(bars.draw_bars, "bars")
    bars.attach()
    shelf = module("library.shelf").Shelf
    shelf.step = _timed(shelf.step, "library")
    for base, name, kind in (
        (bpy.types.Panel, "draw", "draw"),
        (bpy.types.Panel, "draw_header", "draw"),
        (bpy.types.Menu, "draw", "draw"),
        (bpy.types.UIList, "draw_item", "draw"),
        (bpy.types.UIList, "filter_items", "draw"),
        (bpy.types.Operator, "poll", "poll"),
        (bpy.types.Panel, "poll", "poll"),
    ):
        for cls in base.__subclasses__():
            ours = [part for part in cls.__mro__ if part.__module__.startswith(package)]
            if any(name in vars(part) for part in ours):
                _wrap(cls, name, kind)


def _wrap(cls: type, name: str, kind: str) -> None:
    """Blender counts the arguments of a callback: it gets one with as many."""
    held = getattr(cls, name)
    timed = _timed(getattr(held, "__func__", held), kind)
    if name == "poll":
        setattr(cls, name, classmethod(lambda cls, context: timed(cls, context)))
    elif name == "draw_item":
        setattr(cls, name, _item(timed))
    elif name == "filter_items":
        setattr(cls, name, lambda self, context, data, property_name: timed(self, context, data, property_name))
    elif name == "draw":

        def draw(self, context):
            drawn.add(type(self).__name__)
            timed(self, context)

        setattr(cls, name, draw)
    else:
        setattr(cls, name, lambda self, context: timed(self, context))


def _item(timed):
    def draw_item(self, context, layout, data, item, icon, active_data, active_property, index, flag):
        timed(self, context, layout, data, item, icon, active_data, active_property, index, flag)

    return draw_item


def _timed(call, kind: str):
    @functools.wraps(call)
    def timed(*arguments):
        before = _now()
        answer = call(*arguments)
        _spent(kind, before)
        return answer

    return timed


def _timed_pump(call, stage, session):
    """A pump that keys a motion or works out a ghost counts apart: that is its work."""

    def pump():
        waited, ghosts, before = session._waiting_to_apply, len(stage.ghosts), _now()
        interval = call()
        worked = waited and not session._waiting_to_apply or len(stage.ghosts) > ghosts
        _spent("apply" if worked else "pump", before)
        return interval

    return pump


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.thread_time()


def _spent(kind: str, before: tuple[float, float]) -> None:
    if measuring:
        wall, own = _now()
        times[kind].append((1000 * (wall - before[0]), 1000 * (own - before[1])))


def summary() -> dict[str, dict]:
    """kind -> how often, and milliseconds: by the clock, and "own" of the processor's time; both of the longest five,
    with which of so many they were."""
    told = {}
    for kind, found in times.items():
        if len(found) > 1:
            told[kind] = {"count": len(found)}
            for prefix, values in zip(("", "own "), zip(*found, strict=True), strict=True):
                p99 = statistics.quantiles(values, n=100, method="inclusive")[98]
                told[kind] |= {f"{prefix}p50": statistics.median(values), f"{prefix}p99": p99}
                told[kind][f"{prefix}max"] = max(values)
            longest = sorted(range(len(found)), key=found.__getitem__, reverse=True)[:5]
            told[kind]["longest"] = [(number, *found[number]) for number in longest]
    return told
