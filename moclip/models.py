# SPDX-License-Identifier: Apache-2.0
"""Model folders: what lies in one, where they are found, and whether one is whole.

A model folder holds `model.json` (name, licence, what it was trained on, metrics) and one safetensors file a network,
or says which model beside it has that file: two that read text by one tower need it once. Some models lie in the
package; others under `models_folder()` or at any path.
"""

import importlib.util
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from moclip.errors import MoclipError
from moclip.generators.base.generator import DEFAULT, Generator, find_generator
from moclip.nn.checkpoint import Weights, fingerprint, read_weights
from moclip.nn.config import Positive, read_settings
from moclip.shipped import DEFAULT_MODEL, SHIPPED

JUDGE = "motion"
"""MoCLIP's motion encoder, which tells good takes from bad ones; a model may come without."""
RECOGNISER = "recogniser"
"""What tells which action a motion shows (`moclip.recognition`); a model may come without."""
LENGTH_TOWER = "length_text"
"""The text tower that the length estimator was trained with, where that is not the generator's."""
GRAPH_WEIGHTS = "graphs.json"
"""Which tensors each ONNX graph takes, by graph name."""
HALF_WEIGHTS = "float16"
"""Its entry that says, again by graph name, which of them the graph takes as float16; the others are float32."""
SCALED_WEIGHTS = "int8"
"""Its entry that says which it takes in int8, each with its scales."""


@dataclass(frozen=True)
class _Description:
    """What `model.json` holds. fps: of the motions. sampling: how it is sampled, see `moclip.generate.options`.

    actions, styles: what it may be asked for, each with its `name` and an `example`, a sentence; actions have a `group`
    of like ones. Menus show them. shares: network -> the folder, beside this one, of a model in which its file lies.
    self_check: what the networks made of seeded inputs, see `moclip.generators.base.self_check`.
    """

    name: str
    licence: str
    description: str
    text_fingerprint: str
    fps: Positive
    format: int = 1
    generator: str = DEFAULT
    familiarity_threshold: float | None = None
    parameters: dict[str, int] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    sampling: dict[str, Any] = field(default_factory=dict)
    actions: list[dict[str, str]] = field(default_factory=list)
    styles: list[dict[str, str]] = field(default_factory=list)
    metrics: dict[str, Any] = field(default_factory=dict)
    shares: dict[str, str] = field(default_factory=dict)
    self_check: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelInfo:
    """What `model.json` says, and where it lies."""

    name: str
    path: Path
    licence: str
    description: str
    text_fingerprint: str
    sizes: dict[str, int]
    parameters: dict[str, int]
    metrics: dict[str, Any]
    details: dict[str, Any]

    @property
    def actions(self) -> list[dict[str, str]]:
        """What the model can do: `name` and `example`, a prompt for it, of each; empty where it does not say."""
        return list(self.details.get("actions", []))

    @property
    def described(self) -> str:
        """Its `model.json`, for messages."""
        return f"the model.json of '{self.name}'"

    def file(self, network: str) -> Path:
        """A network's weights, wherever they lie."""
        folder = self.details.get("shares", {}).get(network)
        return (self.path.parent / folder if folder else self.path) / f"{network}.safetensors"

    @property
    def generator_name(self) -> str:
        return str(self.details.get("generator", DEFAULT))

    @property
    def generator(self) -> type[Generator]:
        """Raises MoclipError for one that this version does not know."""
        return find_generator(self.generator_name)


@dataclass(frozen=True)
class ModelFiles:
    """A model in memory: tensors and configuration of each network."""

    info: ModelInfo
    arrays: dict[str, Weights]
    configs: dict[str, dict[str, Any]]

    @property
    def generator(self) -> type[Generator]:
        return self.info.generator


def models_folder() -> Path:
    """Where installed models lie: $MOCLIP_MODELS, else the user's data folder."""
    if os.environ.get("MOCLIP_MODELS"):
        return Path(os.environ["MOCLIP_MODELS"])
    base = os.environ.get("LOCALAPPDATA") or os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "moclip" / "models"


def _candidates() -> dict[str, Path]:
    found: dict[str, Path] = {}
    for folder in (SHIPPED, models_folder()):
        if folder.is_dir():
            own = sorted(folder.iterdir(), key=lambda path: (path.name != DEFAULT_MODEL, path.name))
            found.update({path.name: path for path in own if (path / "model.json").is_file()})
    return found


def find_model(name: str) -> Path:
    """Folder of a model by name or path. Raises MoclipError(code="unknown_model")."""
    found = _candidates()
    if name in found:
        return found[name]
    if (Path(name) / "model.json").is_file():
        return Path(name)
    raise MoclipError(
        f"The model '{name}' is not installed.",
        hint="`moclip models list` shows what is.",
        action="models",
        code="unknown_model",
    )


def model_names() -> list[str]:
    """Of the models that are there, whether they are whole or not; those of the package first."""
    return list(_candidates())


def list_models() -> list[ModelInfo]:
    return [model_info(name) for name in model_names()]


def model_info(name: str) -> ModelInfo:
    """Read `model.json` without loading weights.

    Raises MoclipError for an unknown model, or one whose description is damaged or says what it should not.
    """
    folder = find_model(name)
    path, hint = folder / "model.json", "Correct it, or install the model again."
    try:
        details = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MoclipError(
            f"The description of model '{name}' ({path}) is damaged.",
            hint="Install the model again.",
            code="bad_weights",
        ) from error
    told = read_settings(_Description, details, f"the model.json of '{name}'", hint=hint)
    for network, beside in told.shares.items():
        if Path(beside).name != beside:
            raise MoclipError(
                f"In the model.json of '{name}', shares names the folder of a model beside it for {network}, not "
                f"'{beside}'.",
                hint=hint,
                code="bad_settings",
            )
    return ModelInfo(
        name=told.name,
        path=folder,
        licence=told.licence,
        description=told.description,
        text_fingerprint=told.text_fingerprint,
        sizes={p.name: p.stat().st_size for p in sorted(folder.iterdir()) if p.is_file()},
        parameters=told.parameters,
        metrics=told.metrics,
        details=details,
    )


def needed_networks(generator: type[Generator]) -> tuple[str, ...]:
    """Of a model folder of this generator; each lies in a file of its name."""
    lengths = () if generator.TELLS_LENGTHS else ("length",)
    return ("text", *generator.NETWORKS, *lengths, generator.CODEC)


def load_model(name: str) -> ModelFiles:
    """Read all networks of a model and check that they belong together.

    Raises MoclipError for missing or damaged files, and when a generator was trained with another text tower.
    """
    files = read_model(name)
    check_towers(files)
    return files


def read_model(name: str, *, mapped: bool = False) -> ModelFiles:
    """Read all networks of a model; whether they belong together is left to `check_towers`, which takes its time.

    mapped: see `read_weights`. Raises MoclipError for missing or damaged files.
    """
    info = model_info(name)
    optional = (JUDGE, LENGTH_TOWER, *(("length",) if info.generator.TELLS_LENGTHS else ()))
    networks = [*needed_networks(info.generator), *(n for n in optional if info.file(n).is_file())]
    loaded = {network: read_weights(info.file(network), mapped=mapped) for network in networks}
    return ModelFiles(info, {k: v[0] for k, v in loaded.items()}, {k: v[1] for k, v in loaded.items()})


def check_towers(files: ModelFiles) -> None:
    """Raises MoclipError when a network was trained with another text tower than the model has."""
    own = fingerprint(files.arrays["text"])
    for network in (n for n in files.arrays if n not in ("text", files.generator.CODEC, LENGTH_TOWER)):
        trained_with = files.configs[network].get("text_fingerprint")
        tower = fingerprint(files.arrays[LENGTH_TOWER]) if network == "length" and LENGTH_TOWER in files.arrays else own
        if trained_with != tower:
            raise MoclipError(
                f"The {network} network of model '{files.info.name}' was trained with another text tower "
                f"({trained_with}, not {tower}).",
                hint="Train it with this tower, or install the tower that it was trained with.",
                code="tower_mismatch",
            )


def verify_model(name: str) -> list[str]:
    """What is wrong with a model, one sentence each; empty when it is whole.

    Where torch is installed, networks are built and run too: a tensor that is missing, or a network that does not
    compute what it did, is found.
    """
    try:
        files = load_model(name)
        beside = {table: files.info.path / f"{table}.safetensors" for table in ("actions", "wording", RECOGNISER)}
        read = {table: read_weights(path)[0] for table, path in beside.items() if path.is_file()}
    except MoclipError as error:
        return [str(error)]
    problems = []
    for network, arrays in {**files.arrays, **read}.items():
        bad = [key for key, array in arrays.items() if array.dtype.kind == "f" and not np.isfinite(array).all()]
        problems += [f"{network}: {key} holds numbers that are not finite." for key in bad]
    if not problems and importlib.util.find_spec("torch") and importlib.util.find_spec("open_clip"):
        from moclip.generators.base.self_check import check_networks

        known = files.info.details.get("self_check")
        problems += check_networks(files.generator, files.arrays, files.configs, known)
    return problems


def write_description(folder: Path, details: dict[str, Any]) -> None:
    """Write `model.json`."""
    (folder / "model.json").write_text(json.dumps(details, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
