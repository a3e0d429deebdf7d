# SPDX-License-Identifier: GPL-3.0-or-later
"""Bars of progress, as sliders: Blender 4.3 draws a label blue that comes after a progress indicator that is gone."""

import bpy

from ..backend.gpu_backend import GPU
from ..backend.session import SESSION


def _of_job(_bars: bpy.types.PropertyGroup) -> float:
    return 100.0 * SESSION.job.progress if SESSION.job is not None else 100.0


def _of_batch(_bars: bpy.types.PropertyGroup) -> float:
    counts = SESSION.batch.counts()
    return 100.0 * (counts["done"] + counts["failed"]) / max(1, sum(counts.values()))


def _of_set_up(_bars: bpy.types.PropertyGroup) -> float:
    return 100.0 * GPU.set_up.fraction if GPU.set_up is not None else 0.0


def _bar(name: str, get) -> object:
    return bpy.props.FloatProperty(name=name, get=get, min=0.0, max=100.0, subtype="PERCENTAGE", precision=0)


class MoclipBars(bpy.types.PropertyGroup):
    """How far things are, for panels alone: read-only, and in no file."""

    job: _bar("Motion", _of_job)
    batch: _bar("Batch", _of_batch)
    set_up: _bar("Set-Up", _of_set_up)


def draw(layout: bpy.types.UILayout, what: str, text: str) -> None:
    """what: "job", "batch" or "set_up". text: beside the percentage."""
    layout.prop(bpy.context.window_manager.moclip_bars, what, text=text, slider=True)


def attach() -> None:
    bpy.types.WindowManager.moclip_bars = bpy.props.PointerProperty(type=MoclipBars)


def detach() -> None:
    del bpy.types.WindowManager.moclip_bars
