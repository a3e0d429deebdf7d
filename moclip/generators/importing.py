# SPDX-License-Identifier: Apache-2.0
"""Checkpoints as their authors released them to model folders, whichever generator's they are."""

from pathlib import Path

from moclip.errors import MoclipError
from moclip.generators.base.generator import DEFAULT, find_generator, generator_names, generator_part, has_part
from moclip.text.tower import TextTower

PART = "official"
"""A generator's module with `recognises(folder)` and `import_official(folder, out, tower)`."""


def import_released(folder: Path, out: Path, tower: TextTower | None = None) -> str:
    """Write a model folder from a released one, and return the generator's title.

    tower: the text tower that it was trained with, where that is not OpenAI's ViT-B/32. Raises MoclipError for a folder
    that is no generator's, and for what a generator refuses.
    """
    if not folder.is_dir():
        raise MoclipError(
            f"There is no checkpoint folder {folder}.",
            hint="Point to the folder that the authors' script downloads, such as checkpoints/t2m.",
            code="bad_checkpoint",
        )
    known = [name for name in generator_names() if has_part(name, PART)]
    # What recognises nothing is taken for the one that says best what is missing.
    found = next((name for name in known if generator_part(name, PART).recognises(folder)), DEFAULT)
    generator_part(found, PART).import_official(folder, out, tower)
    return find_generator(found).TITLE
