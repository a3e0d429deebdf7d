# SPDX-License-Identifier: Apache-2.0
"""Checkpoints as their authors released them to model folders, whichever generator's they are."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from moclip.errors import MoclipError
from moclip.generators.base.generator import DEFAULT, find_generator, generator_names, generator_part, has_part
from moclip.releases import Towers
from moclip.text.clip_files import load_clip, read_clip
from moclip.text.tower import TextTower, load_tower

PART = "official"
"""A generator's module with `recognises(folder)` and `import_official(folder, out, towers, run)`."""


@dataclass(frozen=True)
class Imported:
    """title: of the generator. folder: what was written. note: for the user, may be empty."""

    title: str
    folder: Path
    note: str = ""


def import_released(
    folder: Path,
    out: Path | Callable[[str], Path],
    tower: TextTower | None = None,
    *,
    clip: Path | None = None,
    text_encoder: Path | None = None,
    run: Path | None = None,
) -> Imported:
    """Write a model folder from a released one.

    out: where to, or what says so by the generator's name. tower: what all of it was trained with. clip: the file of
    OpenAI's ViT-B/32, which is looked for in caches and on the hub otherwise. text_encoder: the tower that the
    generator was fine-tuned to; the length estimator keeps OpenAI's. run: the transformer's folder, where there are
    several. Raises MoclipError for a folder that is no
    generator's, for what a generator refuses, and where no text encoder can be had.
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
    place = out if isinstance(out, Path) else out(found)
    notes: list[str] = []

    def towers() -> Towers:
        if tower is not None:
            return Towers(tower)
        if text_encoder is None:
            return Towers(read_clip(clip) if clip else load_clip())
        own = read_tower(text_encoder)
        try:
            return Towers(own, read_clip(clip) if clip else load_clip())
        except MoclipError as error:
            if clip is not None:
                raise
            notes.append(
                "Lengths are estimated with the fine-tuned text encoder, as the one that the estimator was trained "
                f"with is not here. {error.hint}"
            )
            return Towers(own)

    generator_part(found, PART).import_official(folder, place, towers, run)
    return Imported(find_generator(found).TITLE, place, " ".join(notes))


def read_tower(path: Path) -> TextTower:
    """A text tower: our text.safetensors, a folder with one, or what `read_clip` reads, MoCLIP's .pth included."""
    if (path / "text.safetensors").is_file():
        path = path / "text.safetensors"
    if path.suffix == ".safetensors" and _is_ours(path):
        return load_tower(path)
    return read_clip(path)


def _is_ours(path: Path) -> bool:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="numpy") as file:
            return "config" in (file.metadata() or {})
    except (SafetensorError, OSError):
        return False
