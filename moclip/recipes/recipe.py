# SPDX-License-Identifier: Apache-2.0
"""Recipes: TOML files that say with which settings each stage is run, and what is in each of their tables."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from moclip.alignment.motion_encoder import MotionEncoderConfig
from moclip.alignment.presets import AlignmentConfig, with_preset
from moclip.captions.action_phrases import ACTIONS
from moclip.codecs.reconstruction_loss import ReconstructionWeights
from moclip.data.build import BuildOptions
from moclip.errors import MoclipError
from moclip.evaluation.evaluator import EvaluatorConfig
from moclip.generate.options import read_sampling
from moclip.generators.base.generator import DEFAULT, find_generator
from moclip.generators.base.length import LengthEstimator
from moclip.generators.base.token_clips import TextNoise
from moclip.models import JUDGE, RECOGNISER
from moclip.nn.config import Config, Count, Natural, NotNegative, read_settings, suggestion
from moclip.recipes.generators import GeneratorTraining, generator_training
from moclip.recognition.config import RecogniserConfig
from moclip.text.distill import DistillConfig
from moclip.training.run import Compute, Schedule

Recipe = dict[str, Any]
"""What a recipe's file says, once it is checked; `settings` and `network_settings` read its tables."""
DEFAULT_RECIPE = Path(__file__).parent / "embedded.toml"
BUILT_IN = (
    "embedded", "open", "permissive", "paper", "ablation", "bamm", "bad", "official", "official-bamm", "official-bad",
)  # fmt: skip
HINT = "Copy `moclip/recipes/embedded.toml` and change that."
T = TypeVar("T")


@dataclass(frozen=True)
class StageTable:
    """What the table of every stage has. compute: over the recipe's own [compute], setting by setting."""

    batch: Count
    schedule: Schedule
    compute: Compute = field(default_factory=Compute)


@dataclass(frozen=True)
class ClipsTable(StageTable):
    """[decoder], [start], and with `sizes` besides [rvq]. emphasis: actions that are drawn so many times as often."""

    emphasis: dict[str, NotNegative] = field(default_factory=dict)


@dataclass(frozen=True)
class LearnerTable(ClipsTable):
    """[masked] and the other networks that read text, with `sizes` besides. loss, linear_start, root_weight,
    added_layers: of [rvq] alone, see `moclip.codecs`; a weight of 0 leaves the codebooks as they were trained.

    only_shown: of a dataset that says what its clips show, leave out those that do not show it.
    """

    only_shown: bool = False
    loss: ReconstructionWeights = field(default_factory=ReconstructionWeights)
    linear_start: bool = False
    root_weight: NotNegative = 0.0
    added_layers: Natural = 0
    text_noise: TextNoise = field(default_factory=TextNoise)


@dataclass(frozen=True)
class TowerTable(DistillConfig):
    """[tower]"""

    schedule: Schedule = field(default_factory=lambda: Schedule(2200, 1.5e-3, warmup=200, ema=0.995))
    compute: Compute = field(default_factory=Compute)


@dataclass(frozen=True, kw_only=True)
class MoclipTable(StageTable):
    """[moclip], with the settings of its preset. tower: "distilled", or an open_clip model."""

    motion: MotionEncoderConfig
    alignment: AlignmentConfig = field(default_factory=AlignmentConfig)
    preset: str = "recommended"
    tower: str = "distilled"


@dataclass(frozen=True)
class JudgeTable(StageTable):
    """[judge]"""

    alignment: AlignmentConfig = field(default_factory=AlignmentConfig)


@dataclass(frozen=True, kw_only=True)
class RecogniserTable(StageTable):
    """[recogniser]. Its classes, and how many features a frame has, are the dataset's."""

    sizes: RecogniserConfig = field(default_factory=RecogniserConfig)


@dataclass(frozen=True, kw_only=True)
class EvaluatorTable(StageTable):
    """[evaluator]. glove: folder of GloVe's words, which are pieces of words without it."""

    sizes: EvaluatorConfig
    glove: str = ""


@dataclass(frozen=True)
class PublishTable:
    """[publish] without: actions that are trained on and not told of, as the model does not show them; asking for one
    gets a warning. unlisted: actions that it knows, but shows in part too often to promise them in its menu."""

    without: tuple[str, ...] = ()
    unlisted: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if unknown := sorted({*self.without, *self.unlisted} - set(ACTIONS)):
            raise MoclipError(
                f"There is no action '{unknown[0]}'{suggestion(unknown[0], ACTIONS)}.", code="bad_settings"
            )


@dataclass(frozen=True)
class WeightsTable:
    """[weights] int8: networks that are kept in numbers of eight bits, half as large as float16. A text tower is from
    MoCLIP on, so that generators are trained with the vectors that it gives then."""

    int8: tuple[str, ...] = ()


_TABLES: dict[str, type[Any]] = {
    "dataset": BuildOptions,
    "compute": Compute,
    "tower": TowerTable,
    "decoder": ClipsTable,
    "moclip": MoclipTable,
    "start": ClipsTable,
    "judge": JudgeTable,
    "recogniser": RecogniserTable,
    "evaluator": EvaluatorTable,
    "publish": PublishTable,
}
"""What each table holds, besides [rvq] and those of the generator's networks, whose sizes the generator knows."""


def load_recipe(path: Path | None = None) -> Recipe:
    """Read a recipe: a file, or the name of one that comes with the project.

    Raises MoclipError when it is missing, not TOML, or says what no stage understands.
    """
    path = path or DEFAULT_RECIPE
    if str(path) in BUILT_IN and not path.is_file():
        path = DEFAULT_RECIPE.with_name(f"{path}.toml")
    try:
        recipe = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MoclipError(f"The recipe {path} cannot be read: {error}.", hint=HINT) from error
    try:
        _check(recipe)
    except MoclipError as error:
        raise MoclipError(f"The recipe {path} is wrong. {error.message}", hint=HINT, code=error.code) from error
    return recipe


def _check(recipe: Recipe) -> None:
    parts = training_of(recipe)
    for name in recipe:
        if name == "generator":
            continue
        if name == "rvq" or name in parts.learners:
            network_settings(recipe, name)
        elif name == "sampling":
            read_sampling(find_generator(parts.name), _table(recipe, name), "[sampling]", hint=HINT)
        elif name == "weights":
            kept_in_int8(recipe)
        elif name in _TABLES:
            settings(recipe, name, _TABLES[name])
        else:
            known = ["generator", "rvq", "sampling", "weights", *parts.learners, *_TABLES]
            raise MoclipError(f"There is no stage '{name}'{suggestion(name, known)}.", code="bad_settings")


def training_of(recipe: Recipe) -> GeneratorTraining:
    """Of the generator that the recipe names, else MoMask. Raises MoclipError for one that is not there."""
    return generator_training(recipe.get("generator", DEFAULT))


def settings(recipe: Recipe, stage: str, kind: type[T]) -> T:
    """A table of the recipe, with the recipe's [compute] and its preset. Raises MoclipError when it is not there."""
    return read_settings(kind, _table(recipe, stage), f"[{stage}]", hint=HINT)


def network_settings(recipe: Recipe, stage: str) -> tuple[LearnerTable, Config]:
    """The table of [rvq] or of a network that reads text, and the sizes of that network."""
    parts, table = training_of(recipe), _table(recipe, stage)
    network = parts.vq if stage == "rvq" else parts.learners[stage].network
    sizes = table.pop("sizes", {} if network is LengthEstimator else None)
    if sizes is None:
        raise MoclipError(f"In [{stage}], sizes is missing, a table of settings.", hint=HINT, code="bad_settings")
    read = read_settings(LearnerTable, table, f"[{stage}]", hint=HINT)
    return read, read_settings(network.CONFIG, sizes, f"[{stage}.sizes]", hint=HINT)


def publishing(recipe: Recipe) -> PublishTable:
    """[publish]: of which actions a model made by this recipe tells."""
    return read_settings(PublishTable, recipe.get("publish", {}), "[publish]", hint=HINT)


def kept_in_int8(recipe: Recipe) -> tuple[str, ...]:
    """[weights]: the networks that are kept in int8. Raises MoclipError for what is no network of the recipe's."""
    parts = training_of(recipe)
    asked = read_settings(WeightsTable, recipe.get("weights", {}), "[weights]", hint=HINT).int8
    known = ("text", JUDGE, RECOGNISER, *parts.learners)
    if unknown := [network for network in asked if network not in known]:
        raise MoclipError(
            f"In [weights], '{unknown[0]}' is no network to be kept in int8{suggestion(unknown[0], known)}.",
            hint=HINT,
            code="bad_settings",
        )
    return asked


def compute_of(recipe: Recipe) -> Compute:
    """[compute]: for stages that train nothing."""
    return read_settings(Compute, recipe.get("compute", {}), "[compute]", hint=HINT)


def with_compute(recipe: Recipe, device: str | None = None, precision: str | None = None) -> Recipe:
    """The recipe with another device or precision in all of its stages."""
    asked = {k: v for k, v in (("device", device), ("precision", precision)) if v is not None}
    changed = dict(recipe)
    for name, table in recipe.items():
        if isinstance(table, Mapping) and "compute" in table:
            changed[name] = {**table, "compute": {**table["compute"], **asked}}
    return {**changed, "compute": {**recipe.get("compute", {}), **asked}} if asked else changed


def _table(recipe: Recipe, stage: str) -> dict[str, Any]:
    if stage not in recipe:
        raise MoclipError(f"The recipe has no table [{stage}].", hint="Copy it from `moclip/recipes/embedded.toml`.")
    table = recipe[stage]
    if not isinstance(table, Mapping):
        raise MoclipError(f"[{stage}] is not a table of settings.", hint=HINT, code="bad_settings")
    made = with_preset(table) if stage == "moclip" else dict(table)
    if stage == "judge" and isinstance(made.get("alignment", {}), Mapping):
        made["alignment"] = {**with_preset({})["alignment"], **made.get("alignment", {})}
    shared = recipe.get("compute", {})
    if stage not in ("dataset", "sampling", "compute", "publish") and isinstance(shared, Mapping):
        own = made.get("compute", {})
        made["compute"] = {**shared, **own} if isinstance(own, Mapping) else own
    return made
