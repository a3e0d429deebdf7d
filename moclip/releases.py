# SPDX-License-Identifier: Apache-2.0
"""Released checkpoints, read and checked by their generator, become a model folder: whole, or not at all."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from moclip.errors import MoclipError
from moclip.folders import whole_folder
from moclip.generators.base.generator import find_generator
from moclip.generators.base.networks import networks_of, parameter_counts
from moclip.generators.base.released import check_fits, save_exactly
from moclip.generators.base.self_check import seeded_numbers
from moclip.models import LENGTH_TOWER, ModelFiles, load_model, write_description
from moclip.nn.checkpoint import fingerprint, load_weights
from moclip.nn.config import Config
from moclip.nn.networks import restore
from moclip.text.tower import TextTower, save_tower

LICENCE = "that of the checkpoint's authors and of their data set: research only"


@dataclass(frozen=True)
class Part:
    """A network that was read. told: what its file says beside its sizes. where: the file that it comes from."""

    config: Config
    state: Mapping[str, Tensor]
    where: Path
    told: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Towers:
    """text: what the generator was trained with. length: of the length estimator, where that is another one."""

    text: TextTower
    length: TextTower | None = None


@dataclass(frozen=True)
class Release:
    """parts: the generator's networks, its codec and the length estimator, by their names in a model folder."""

    generator: str
    parts: Mapping[str, Part]
    sampling: Mapping[str, Any]
    description: str
    fps: float


def write_model(out: Path, release: Release, towers: Towers) -> None:
    """Write the folder. Raises MoclipError for tensors that do not fit, and for a folder that holds something."""
    classes, codec = networks_of(release.generator), find_generator(release.generator).CODEC
    for name, part in release.parts.items():
        check_fits(classes[name], part.config, part.state, part.where)
    read = towers.text.config.embed_dim
    for name, part in release.parts.items():
        wanted = getattr(part.config, "text_dim", read)
        own = towers.length.config.embed_dim if name == "length" and towers.length else read
        if wanted != own:
            raise MoclipError(
                f"The text encoder makes {own} numbers, and {part.where} reads {wanted}.",
                hint="Give the text encoder that it was trained with.",
                code="bad_checkpoint",
            )
    with whole_folder(out) as folder:
        save_tower(towers.text, folder / "text.safetensors", kept="float32")
        prints = {"text": fingerprint(load_weights(folder / "text.safetensors")[0])}
        if towers.length is not None:
            save_tower(towers.length, folder / f"{LENGTH_TOWER}.safetensors", kept="float32")
            prints["length"] = fingerprint(load_weights(folder / f"{LENGTH_TOWER}.safetensors")[0])
        for name, part in release.parts.items():
            told = {"kind": name, **part.config.to_dict(), **part.told}
            if name != codec:
                told["text_fingerprint"] = prints.get(name, prints["text"])
            save_exactly(folder / f"{name}.safetensors", part.state, told)
        details = {
            "format": 1, "name": out.name, "generator": release.generator, "fps": release.fps,
            "text_fingerprint": prints["text"], "sampling": dict(release.sampling), "licence": LICENCE,
            "description": release.description,
        }  # fmt: skip
        write_description(folder, details)
        files = load_model(str(folder))
        counts = parameter_counts(release.generator, files.configs)
        write_description(folder, {**details, "parameters": counts, "self_check": _numbers(files)})


def _numbers(files: ModelFiles) -> dict[str, list[float]]:
    classes = networks_of(files.generator.NAME)
    networks = {name: restore(classes[name], files.configs[name], own) for name, own in files.arrays.items()}
    return seeded_numbers(files.generator, networks, files.configs)
