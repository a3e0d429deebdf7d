# SPDX-License-Identifier: GPL-3.0-or-later
"""An action as an asset: what the Asset Browser and the panel show of a motion that is kept."""

from collections.abc import Sequence

import bpy

from ..motion.clip import Clip
from . import record, thumbnail
from .words import FAVOURITE


def dress(action: bpy.types.Action, clip: Clip, catalogue: str, tags: Sequence[str]) -> None:
    """Make an action an asset that carries its motion. What its owner wrote of it before, the author too, stays."""
    record.put(action, clip)
    if action.asset_data is None:
        action.asset_mark()
    about = action.asset_data
    about.catalog_id = catalogue
    about.description = about.description or clip.text
    about.license = about.license or clip.licence
    for tag in tags:
        about.tags.new(tag, skip_if_exists=True)
    picture = action.preview_ensure()
    picture.image_size = (thumbnail.SIZE, thumbnail.SIZE)
    picture.image_pixels_float.foreach_set(thumbnail.draw(clip).ravel())


def is_favourite(action: bpy.types.Action) -> bool:
    return action.asset_data is not None and FAVOURITE in action.asset_data.tags


def set_favourite(action: bpy.types.Action, favourite: bool) -> None:
    tags = action.asset_data.tags
    if favourite:
        tags.new(FAVOURITE, skip_if_exists=True)
    elif FAVOURITE in tags:
        tags.remove(tags[FAVOURITE])
