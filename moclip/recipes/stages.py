# SPDX-License-Identifier: Apache-2.0
"""The stages that make a model, one function each, over one work folder.

Every stage needs the files of the stages before it: dataset -> tower -> rvq -> moclip -> the generator's networks ->
pack; a judge goes on from moclip.
"""

from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from moclip.alignment.pairs import PairedClips, with_copies
from moclip.alignment.presets import with_preset
from moclip.alignment.train import motion_encoder_weights, train_moclip
from moclip.codecs.config import RVQConfig
from moclip.codecs.rvq import RVQ
from moclip.codecs.train import train_codec, train_decoder
from moclip.data.clips import action_group, emphasised, only
from moclip.data.folder import DatasetFolder
from moclip.data.statistics import biased_std
from moclip.data.stored import Worked, write_packed
from moclip.errors import MoclipError
from moclip.generators.base.generator import DEFAULT
from moclip.generators.base.learners import TokenData, train_on_tokens
from moclip.generators.base.token_clips import MAX_FRAMES, decoded, encode_clips
from moclip.motion.features import features_to_joints
from moclip.nn.config import Config
from moclip.nn.networks import pick_device, restore
from moclip.recipes.codebooks import finish_codebooks
from moclip.recipes.generators import generator_training
from moclip.recipes.recipe import (
    ClipsTable,
    EvaluatorTable,
    JudgeTable,
    MoclipTable,
    Recipe,
    RecogniserTable,
    StageTable,
    TowerTable,
    compute_of,
    kept_in_int8,
    network_settings,
    settings,
    training_of,
)
from moclip.recipes.shown import Rebuilt, clips_that_show
from moclip.recipes.work import finish_moclip, load_teacher, need, paired_split, token_data
from moclip.text.tower import TextTower
from moclip.training.processes import Processes
from moclip.training.run import Log, Run

Sizes = TypeVar("Sizes", bound=Config)


class Stage(Protocol):
    """Runs one stage of a recipe in a work folder, and goes on with it if it was broken off."""

    def __call__(
        self, dataset: DatasetFolder, work: Path, recipe: Recipe, *, resume: bool = True, log: Log = print
    ) -> Any: ...


def _run(part: StageTable | TowerTable, out: Path, resume: bool, log: Log) -> Run:
    return Run(out, part.schedule, part.compute, resume=resume, log=log)


def _fitted(sizes: Sizes, known: dict[str, Any]) -> Sizes:
    """The sizes with those in place that follow from what is there already."""
    return replace(sizes, **{f.name: known[f.name] for f in fields(sizes) if f.name in known})


def tower_stage(dataset: DatasetFolder, work: Path, recipe: Recipe, *, resume: bool = True, log: Log = print) -> None:
    """Distil the text tower from a sentence encoder; needs no motion."""
    from moclip.text.distill import train_text_tower

    part = settings(recipe, "tower", TowerTable)
    train_text_tower(part, _run(part, work, resume, log))


def rvq_stage(dataset: DatasetFolder, work: Path, recipe: Recipe, *, resume: bool = True, log: Log = print) -> None:
    """Train the network that makes codes of motion."""
    part, sizes = network_settings(recipe, "rvq")
    assert isinstance(sizes, RVQConfig)
    sizes = _fitted(sizes, {"features": len(dataset.mean), "joints": dataset.meta["joints"]})
    run = _run(part, work, resume, log)
    kind = training_of(recipe).vq
    if (part.root_weight or part.added_layers) and kind is not RVQ:
        raise MoclipError(
            f"`root_weight` and `added_layers` are for a codec of several layers, and this recipe's is a {kind.KIND}.",
            hint="Leave them out of [rvq] in the recipe.",
            code="bad_settings",
        )
    train_codec(
        kind, sizes, dataset, run,
        batch=part.batch, emphasis=part.emphasis, weights=part.loss, linear_start=part.linear_start,
    )  # fmt: skip
    if run.until is None:
        with Processes.join(part.compute.device).first_goes_ahead():
            finish_codebooks(dataset, work, part, sizes.quantizers + part.added_layers)


def decoder_stage(dataset: DatasetFolder, work: Path, recipe: Recipe, *, resume: bool = True, log: Log = print) -> None:
    """Tune the RVQ's decoder; writes `decoder.safetensors`, the RVQ that is packed."""
    part = settings(recipe, "decoder", ClipsTable)
    arrays, config = need(work, "rvq")
    network, run = restore(RVQ, config, arrays), _run(part, work, resume, log)
    train_decoder(dataset, network, config, run, batch=part.batch, emphasis=part.emphasis, drawn=_drawn_layers(recipe))


def _drawn_layers(recipe: Recipe) -> int | None:
    """How many of the codec's layers the generator draws; None for all of them."""
    layers: int | None = recipe.get("residual", {}).get("sizes", {}).get("quantizers")
    return layers


def moclip_stage(
    dataset: DatasetFolder,
    work: Path,
    recipe: Recipe,
    *,
    preset: str | None = None,
    resume: bool = True,
    log: Log = print,
) -> dict[str, float]:
    """Fine-tune the tower on motion; writes `text.safetensors`, the tower that the generator is trained with.

    preset: in place of the recipe's. Returns what `finish_moclip` found.
    """
    if preset and "moclip" in recipe:
        recipe = {**recipe, "moclip": with_preset(recipe["moclip"], preset)}
    part = settings(recipe, "moclip", MoclipTable)
    teacher = load_teacher(work, part.tower)
    tower = restore(TextTower, teacher[1], teacher[0])
    train, val = (
        paired_split(dataset, work, split, part.motion, teacher, log, part.compute) for split in ("train", "val")
    )
    train_moclip(tower, train, val, part.motion, part.alignment, _run(part, work, resume, log), batch=part.batch)
    if not Processes.join(part.compute.device).first:
        return {}
    return finish_moclip(work, tower, val, log, "int8" if "text" in kept_in_int8(recipe) else "float16")


def judge_stage(dataset: DatasetFolder, work: Path, recipe: Recipe, *, resume: bool = True, log: Log = print) -> None:
    """Train the motion encoder on alone, to choose among generated takes; writes `judge/moclip.safetensors`.

    The student stays as it is. Half of the motions have been through the RVQ: so have all takes.
    """
    own = settings(recipe, "judge", JudgeTable)
    motion = replace(settings(recipe, "moclip", MoclipTable).motion, cross_limb=True)
    config, device = replace(own.alignment, unfreeze="never"), pick_device(own.compute.device)
    text, arrays = need(work, "text"), motion_encoder_weights(work / "moclip.safetensors")[0]
    rvq = restore(RVQ, need(work, "decoder")[1], need(work, "decoder")[0]).to(device)
    splits: list[PairedClips] = []
    for split in ("train", "val"):
        clips = paired_split(dataset, work / "judge", split, motion, text, log, own.compute)
        features = dataset.features(dataset.ids(split))
        codes = [variants[0] for variants in encode_clips(features, rvq, offsets=(0,), device=device)]
        copies = _rebuilt(work / "judge" / f"rebuilt.{split}.f32", codes, rvq, device)
        log(f"rebuilt {len(copies)} {split} clips from their codes")
        splits.append(with_copies(clips, copies))
    tower, run = restore(TextTower, text[1], text[0]), _run(own, work / "judge", resume, log)
    train_moclip(tower, splits[0], splits[1], motion, config, run, batch=own.batch, start=arrays)


def _rebuilt(path: Path, codes: list[np.ndarray], rvq: RVQ, device: str) -> Sequence[np.ndarray]:
    """Joints (T, 22, 3) of what codes are decoded to, in a file."""
    lengths = np.array([rvq.config.stride * len(clip) for clip in codes])
    width = 3 * rvq.config.joints
    made = ((k, features_to_joints(clip).reshape(len(clip), width)) for k, clip in decoded(codes, rvq, device))
    with Processes.join(device).first_goes_ahead():
        packed = write_packed(path, lengths, width, made)
    return Worked(packed, lambda joints: joints.reshape(len(joints), -1, 3), room=0)


def tokens_stage(dataset: DatasetFolder, work: Path, recipe: Recipe, *, resume: bool = True, log: Log = print) -> None:
    """Encode all clips and captions once, for the networks that read them."""
    token_data(dataset, work, training_of(recipe).vq, log, compute_of(recipe))


def learner_stage(kind: str) -> Stage:
    """The stage that trains one of the generator's networks that read text."""

    def stage(dataset: DatasetFolder, work: Path, recipe: Recipe, *, resume: bool = True, log: Log = print) -> float:
        parts = training_of(recipe)
        part, sizes = network_settings(recipe, kind)
        data, vq = token_data(dataset, work, parts.vq, log, part.compute)
        groups = [action_group(dataset.clips.get(i, {})) for i in dataset.ids("train")]
        weights = emphasised(data.train.weights, groups, part.emphasis)
        if part.only_shown and dataset.clips:
            rebuilt = _rebuilt_from_codes(work, recipe, data, part)
            weights = only(weights, groups, clips_that_show(dataset, "train", work, part.compute.device, rebuilt))
        train = replace(data.train, weights=weights)
        known: dict[str, Any] = {name: vq[name] for name in ("codes", "code_dim", "quantizers") if name in vq}
        stated = recipe.get(kind, {}).get("sizes", {}).get("quantizers")
        if stated is not None and "quantizers" in known:
            # The finest layers of a codec may be more than text can tell.
            known["quantizers"] = min(stated, known["quantizers"])
        known["classes"] = MAX_FRAMES // 2 ** vq["down_t"] + 1  # a length is a count of tokens
        words = {"word_dim": data.tower.config.width} if data.tower else {}
        return train_on_tokens(
            kind, parts.learners[kind], _fitted(sizes, {"text_dim": train.text[0].shape[1], **known, **words}),
            replace(data, train=train), _run(part, work, resume, log), batch=part.batch, noise=part.text_noise,
        )  # fmt: skip

    return stage


def recogniser_stage(
    dataset: DatasetFolder, work: Path, recipe: Recipe, *, resume: bool = True, log: Log = print
) -> None:
    """Train what tells which action a motion shows: on clips that show what they are called, as they are and as the
    codec gives them back from the layers that the generator draws."""
    from moclip.recognition.config import class_of
    from moclip.recognition.train import action_clips, classes_in, train_recogniser

    part = settings(recipe, "recogniser", RecogniserTable)
    data, _ = token_data(dataset, work, training_of(recipe).vq, log, part.compute)
    rebuilt = _rebuilt_from_codes(work, recipe, data, part)
    shown = clips_that_show(dataset, "train", work, part.compute.device, rebuilt)
    rows = [k for k, clip in enumerate(dataset.ids("train")) if shown[k] and class_of(dataset.clips.get(clip, {}))]
    ids = [dataset.ids("train")[row] for row in rows]
    classes, copies = classes_in(dataset, ids), dict(rebuilt.features(rows))
    log(f"rebuilt {len(copies)} clips from their codes")
    train = action_clips(dataset, ids, classes, [copies[row] for row in rows])
    val = action_clips(dataset, dataset.ids("val"), classes)
    train_recogniser(
        train, val, classes, (dataset.mean, dataset.std), part.sizes, _run(part, work, resume, log), batch=part.batch
    )


def _rebuilt_from_codes(work: Path, recipe: Recipe, data: TokenData, part: StageTable) -> Rebuilt:
    """Of the clips that are trained on, as they begin."""
    codes = [variants[0] for variants in data.train.codes]
    return Rebuilt(work, training_of(recipe).vq, codes, _drawn_layers(recipe), pick_device(part.compute.device))


def evaluator_stage(
    dataset: DatasetFolder, work: Path, recipe: Recipe, *, resume: bool = True, log: Log = print
) -> None:
    """Train the judge of text-motion agreement; needs no other stage and is not packed."""
    from moclip.evaluation.train_evaluator import judged_clips, train_evaluator, word_table
    from moclip.evaluation.words import glove_table, piece_table

    part = settings(recipe, "evaluator", EvaluatorTable)
    table = word_table(
        dataset, lambda words: glove_table(Path(part.glove), words) if part.glove else piece_table(words)
    )
    sizes = _fitted(part.sizes, {"features": len(dataset.mean), "word_dim": table.vectors.shape[1]})
    train, val = judged_clips(dataset, "train"), judged_clips(dataset, "val")
    moments = dataset.mean, biased_std(dataset.std, dataset.meta["joints"])
    train_evaluator(train, val, table, moments, sizes, _run(part, work, resume, log), batch=part.batch)


def stages_of(generator: str = DEFAULT) -> dict[str, Stage]:
    """What makes a model of this generator, in order. Of the networks that make codes, an RVQ has its decoder tuned."""
    parts = generator_training(generator)
    tuned: dict[str, Stage] = {"decoder": decoder_stage} if parts.vq is RVQ else {}
    return {
        "tower": tower_stage,
        "rvq": rvq_stage,
        **tuned,
        "moclip": moclip_stage,
        "tokens": tokens_stage,
        **{kind: learner_stage(kind) for kind in parts.learners},
    }


STAGES = stages_of()
"""Those of MoMask."""
EXTRA_STAGES: dict[str, Stage] = {"recogniser": recogniser_stage, "judge": judge_stage, "evaluator": evaluator_stage}
"""Stages that need not be: `moclip train embedded` trains a recogniser where the recipe has one, and leaves out the
others: the evaluator is no part of a model, and a judge need not be."""


def stages_in(recipe: Recipe) -> dict[str, Stage]:
    """What makes a model by a recipe, in order."""
    own = {"recogniser": recogniser_stage} if "recogniser" in recipe else {}
    return {**stages_of(training_of(recipe).name), **own}
