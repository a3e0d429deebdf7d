# SPDX-License-Identifier: Apache-2.0
"""The stages that make a model, one function each, over one work folder.

Every stage writes `<work>/<name>.safetensors`, resumes from `<work>/<name>.state.pt` and needs the files of the stages
before it: dataset -> tower -> rvq -> moclip -> masked, residual, length -> pack; a judge goes on from moclip.
"""

import json
import tomllib
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from moclip.alignment.motion_encoder import MotionEncoderConfig
from moclip.alignment.pairs import PairedClips, embed_captions, pair_clips, with_copies
from moclip.alignment.presets import AlignmentConfig, with_preset
from moclip.alignment.train import Compute, motion_encoder_weights, train_moclip
from moclip.data.build import BuildOptions
from moclip.data.clips import action_group, emphasised, load_clips
from moclip.data.folder import DatasetFolder
from moclip.data.statistics import biased_std
from moclip.errors import MoclipError
from moclip.evaluation.evaluator import EvaluatorConfig
from moclip.generate.options import PlanOptions
from moclip.generators.base.length import LengthConfig
from moclip.generators.momask.config import RVQConfig, TransformerConfig
from moclip.generators.momask.rvq import RVQ
from moclip.generators.momask.sampling import MoMaskOptions
from moclip.generators.momask.train_rvq import train_decoder, train_rvq
from moclip.generators.momask.train_tokens import (
    TextNoise,
    TokenClips,
    caption_vectors,
    decode_clips,
    encode_clips,
    load_caption_vectors,
    load_token_clips,
    save_caption_vectors,
    save_token_clips,
    train_on_tokens,
)
from moclip.motion.features import features_to_joints
from moclip.nn.checkpoint import fingerprint, load_weights
from moclip.nn.networks import restore
from moclip.text.tokenizer import Tokenizer
from moclip.text.tower import TextTower, load_open_clip_tower, save_tower
from moclip.training.processes import Processes
from moclip.training.trainer import Schedule

Log = Callable[[str], None]
DEFAULT_RECIPE = Path(__file__).parent / "embedded.toml"
BUILT_IN = ("embedded", "permissive", "paper", "ablation")

_TABLES: dict[str, Any] = {
    "dataset": BuildOptions,
    "sampling": (PlanOptions, MoMaskOptions),
    "tower": {"schedule": Schedule},
    "rvq": {"batch": int, "sizes": RVQConfig, "schedule": Schedule},
    "decoder": {"batch": int, "schedule": Schedule},
    "moclip": {
        "batch": int,
        "motion": MotionEncoderConfig,
        "alignment": AlignmentConfig,
        "compute": Compute,
        "schedule": Schedule,
    },
    "start": {"batch": int, "schedule": Schedule},
    "judge": {"batch": int, "alignment": AlignmentConfig, "schedule": Schedule},
    "masked": {"batch": int, "text_noise": TextNoise, "sizes": TransformerConfig, "schedule": Schedule},
    "residual": {"batch": int, "text_noise": TextNoise, "sizes": TransformerConfig, "schedule": Schedule},
    "length": {"batch": int, "text_noise": TextNoise, "schedule": Schedule},
    "evaluator": {"batch": int, "sizes": EvaluatorConfig, "schedule": Schedule},
}
"""What each table of a recipe must hold; tables in it, or it itself, name the settings of a dataclass."""
_OPTIONAL = {"alignment", "compute"}
"""Tables that a recipe may leave out."""


def load_recipe(path: Path | None = None) -> dict[str, Any]:
    """Read a recipe: a file, or the name of one that comes with the project.

    Raises MoclipError when it is missing, not TOML, or has settings missing or unknown.
    """
    path = path or DEFAULT_RECIPE
    if str(path) in BUILT_IN and not path.is_file():
        path = DEFAULT_RECIPE.with_name(f"{path}.toml")
    try:
        recipe = tomllib.loads(path.read_text(encoding="utf-8"))
        for name, table in recipe.items():
            _check_table(name, table)
        return recipe
    except (OSError, ValueError) as error:
        raise MoclipError(
            f"The recipe {path} cannot be read: {error}.", hint="Copy `moclip/recipes/embedded.toml` and change that."
        ) from error


def _check_table(name: str, table: dict[str, Any]) -> None:
    if name not in _TABLES:
        raise ValueError(f"there is no stage '{name}'")
    if name == "sampling":
        return _check_settings(name, table, *_TABLES[name])
    if is_dataclass(_TABLES[name]):
        return _check_settings(name, table, _TABLES[name])
    for key, kind in _TABLES[name].items():
        if key not in table:
            if key in _OPTIONAL:
                continue
            raise ValueError(f"[{name}] has no {key}")
        if is_dataclass(kind):
            _check_settings(f"{name}.{key}", table[key], kind)


def _check_settings(name: str, settings: Any, *kinds: Any) -> None:
    if not isinstance(settings, dict):
        raise ValueError(f"[{name}] is not a table of settings")
    known = [f for kind in kinds for f in fields(kind)]
    unknown = set(settings) - {f.name for f in known}
    lacking = {f.name for f in known if f.default is MISSING} - set(settings)
    if unknown or lacking:
        which = f"has unknown settings ({', '.join(sorted(unknown))})" if unknown else "lacks settings"
        raise ValueError(f"[{name}] {which}")


def _table(recipe: dict[str, Any], stage: str) -> dict[str, Any]:
    if stage not in recipe:
        raise MoclipError(f"The recipe has no table [{stage}].", hint="Copy it from `moclip/recipes/embedded.toml`.")
    return recipe[stage]


_MADE_BY = {"text": "moclip"}


def _need(work: Path, name: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    path = work / f"{name}.safetensors"
    if not path.is_file():
        raise MoclipError(
            f"There is no {path} yet.",
            hint=f"Run `moclip train {_MADE_BY.get(name, name)}` with the same --work first.",
        )
    return load_weights(path)


def tower_stage(
    dataset: DatasetFolder, work: Path, recipe: dict[str, Any], *, resume: bool = True, log: Log = print
) -> None:
    """Distil the text tower from a sentence encoder; needs no motion."""
    from moclip.text.distill import DistillConfig, train_text_tower

    part = dict(_table(recipe, "tower"))
    train_text_tower(DistillConfig(schedule=Schedule(**part.pop("schedule")), **part), work, resume=resume, log=log)


def rvq_stage(
    dataset: DatasetFolder, work: Path, recipe: dict[str, Any], *, resume: bool = True, log: Log = print
) -> None:
    part = _table(recipe, "rvq")
    features = len(dataset.mean)
    sizes = RVQConfig(features=features, joints=dataset.meta["joints"], **part["sizes"])
    options = {"batch": part["batch"], "emphasis": part.get("emphasis"), "resume": resume, "log": log}
    train_rvq(dataset, work, sizes, Schedule(**part["schedule"]), **options)


def decoder_stage(
    dataset: DatasetFolder, work: Path, recipe: dict[str, Any], *, resume: bool = True, log: Log = print
) -> None:
    """Tune the RVQ's decoder; writes `decoder.safetensors`, the RVQ that is packed."""
    part = _table(recipe, "decoder")
    arrays, config = _need(work, "rvq")
    network = restore(RVQ, config, arrays)
    options = {"batch": part["batch"], "emphasis": part.get("emphasis"), "resume": resume, "log": log}
    train_decoder(dataset, network, config, work, Schedule(**part["schedule"]), **options)


def moclip_stage(
    dataset: DatasetFolder,
    work: Path,
    recipe: dict[str, Any],
    *,
    preset: str | None = None,
    resume: bool = True,
    log: Log = print,
) -> dict[str, float]:
    """Fine-tune the tower on motion; writes `text.safetensors`, the tower that the generator is trained with.

    preset: in place of the recipe's. Returns what `finish_moclip` found.
    """
    part = with_preset(_table(recipe, "moclip"), preset)
    motion = MotionEncoderConfig(**part["motion"])
    config, schedule = AlignmentConfig(**part["alignment"]), Schedule(**part["schedule"])
    teacher = load_teacher(work, part.get("tower", "distilled"))
    tower = restore(TextTower, teacher[1], teacher[0])
    train, val = (paired_split(dataset, work, split, motion, teacher, log) for split in ("train", "val"))
    options = {"batch": part["batch"], "compute": Compute(**part.get("compute", {})), "resume": resume, "log": log}
    train_moclip(tower, train, val, work, motion, config, schedule, **options)
    return finish_moclip(work, tower, val, log) if Processes.join().first else {}


def load_teacher(work: Path, name: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The tower that MoCLIP starts from: "distilled", or one of open_clip's as NAME/TAG or NAME/FILE.

    Either lies in the work folder as `tower.safetensors`.
    """
    if name != "distilled" and not (work / "tower.safetensors").is_file():
        model, _, pretrained = name.partition("/")
        work.mkdir(parents=True, exist_ok=True)
        save_tower(load_open_clip_tower(model, pretrained or "openai"), work / "tower.safetensors")
    return _need(work, "tower")


def paired_split(
    dataset: DatasetFolder,
    work: Path,
    split: str,
    motion: MotionEncoderConfig,
    teacher: tuple[dict[str, np.ndarray], dict[str, Any]],
    log: Log = print,
) -> PairedClips:
    """A split with the teacher's vectors of all captions, which are computed once and kept in the work folder."""
    clips = load_clips(dataset, split)
    path, key = work / f"captions.{split}.npz", f"{fingerprint(teacher[0])} {dataset.fingerprint(split)}"
    vectors = load_caption_vectors(path, key)
    if vectors is None:
        vectors = caption_vectors(clips, lambda captions: tower_vectors(*teacher, captions, log), None)
        save_caption_vectors(path, vectors, key)
        vectors = load_caption_vectors(path, key)  # in float16, as a resumed run reads them
    return pair_clips(dataset, clips, motion, vectors)


def finish_moclip(work: Path, teacher: Any, val: PairedClips, log: Log) -> dict[str, float]:
    """Write the best student alone (`text.safetensors`) and how it does (`moclip.json`), which is also returned.

    That is its step and score, and the mean of student norm / teacher norm, which generators feel because they read
    text vectors as they are.
    """
    import torch

    best, config = _need(work, "moclip")
    prefix = "student."
    student_arrays = {k.removeprefix(prefix): v for k, v in best.items() if k.startswith(prefix)}
    student = restore(TextTower, {"kind": "text", **config["tower"]}, student_arrays)
    tokens = torch.from_numpy(np.concatenate([t[:1] for t in val.tokens])[:256].astype(np.int64))
    with torch.inference_mode():
        ratio = embed_captions(student, tokens).norm(dim=1) / embed_captions(teacher, tokens).norm(dim=1)
    report = {"step": config["step"], "val": config["score"], "norm_ratio": float(ratio.mean())}
    log(f"moclip: student norm / teacher norm = {report['norm_ratio']:.3f}")
    save_tower(student, work / "text.safetensors")
    (work / "moclip.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return report


def judge_stage(
    dataset: DatasetFolder, work: Path, recipe: dict[str, Any], *, resume: bool = True, log: Log = print
) -> None:
    """Train the motion encoder on alone, to choose among generated takes; writes `judge/moclip.safetensors`.

    The student stays as it is. Half of the motions have been through the RVQ: so have all takes.
    """
    part = _table(recipe, "judge")
    motion = MotionEncoderConfig(**{**with_preset(_table(recipe, "moclip"))["motion"], "cross_limb": True})
    config = AlignmentConfig(**{**with_preset({})["alignment"], **part.get("alignment", {}), "unfreeze": "never"})
    text, arrays = _need(work, "text"), motion_encoder_weights(work / "moclip.safetensors")[0]
    rvq = restore(RVQ, _need(work, "decoder")[1], _need(work, "decoder")[0])
    splits = []
    for split in ("train", "val"):
        clips = paired_split(dataset, work / "judge", split, motion, text, log)
        features = [dataset.load(i) for i in dataset.ids(split)]
        codes = [variants[0] for variants in encode_clips(features, rvq, offsets=(0,))]
        copies = [features_to_joints(f).astype(np.float32) for f in decode_clips(codes, rvq)]
        log(f"rebuilt {len(copies)} {split} clips from their codes")
        splits.append(with_copies(clips, copies))
    options = {"batch": part["batch"], "start": arrays, "resume": resume, "log": log}
    tower = restore(TextTower, text[1], text[0])
    train_moclip(tower, *splits, work / "judge", motion, config, Schedule(**part["schedule"]), **options)


def tower_vectors(
    arrays: dict[str, np.ndarray], config: dict[str, Any], captions: list[str], log: Log = print
) -> np.ndarray:
    """(N, D) float32 text vectors, computed in batches of similar length."""
    import torch

    tower, tokens = restore(TextTower, config, arrays), Tokenizer().encode(captions)
    ends = tokens.argmax(1)
    vectors = None
    with torch.inference_mode():
        for chunk in np.array_split(np.argsort(ends), max(1, len(tokens) // 256)):
            part = tower(torch.from_numpy(tokens[chunk, : ends[chunk].max() + 1])).numpy()
            vectors = np.empty((len(tokens), part.shape[1]), dtype=np.float32) if vectors is None else vectors
            vectors[chunk] = part
    log(f"embedded {len(captions)} captions")
    return vectors


CAPTIONS = 30
"""Captions of a clip that the generator is trained on: embedding them is most of the time of this stage."""


def tokens_stage(
    dataset: DatasetFolder, work: Path, recipe: dict[str, Any], *, resume: bool = True, log: Log = print
) -> None:
    """Encode all clips and captions once, for the three networks that read them."""
    _tokens(dataset, work, log)


def _tokens(dataset: DatasetFolder, work: Path, log: Log) -> tuple[TokenClips, TokenClips, str, dict[str, Any]]:
    """Training and validation split, the tower's fingerprint and the RVQ's configuration."""
    text, text_config = _need(work, "text")
    arrays, config = _need(work, "rvq")
    tower = fingerprint(text)
    # Tuning the decoder changes no code.
    key = f"{tower} {fingerprint({k: v for k, v in arrays.items() if not k.startswith('decoder.')})}"
    splits = []
    for split in ("train", "val"):
        path = work / f"tokens.{split}.npz"
        split_key = f"{key} {dataset.fingerprint(split)}"
        made = load_token_clips(path, split_key)
        if made is None:
            clips = load_clips(dataset, split)
            codes = encode_clips(clips.features, restore(RVQ, config, arrays))
            log(f"encoded {len(codes)} {split} clips")
            vectors = caption_vectors(clips, lambda c: tower_vectors(text, text_config, c, log), CAPTIONS)
            save_token_clips(path, TokenClips(codes, vectors, clips.weights), split_key)
            # As a resumed run reads them, in float16: both go the same way.
            made = load_token_clips(path, split_key)
        splits.append(made)
    return splits[0], splits[1], tower, config


def _token_stage(kind: str) -> Callable[..., None]:
    """The stage that trains one of the three networks that read text vectors."""

    def stage(
        dataset: DatasetFolder, work: Path, recipe: dict[str, Any], *, resume: bool = True, log: Log = print
    ) -> None:
        part = _table(recipe, kind)
        train, val, tower, rvq = _tokens(dataset, work, log)
        groups = [action_group(dataset.clips.get(i, {})) for i in dataset.ids("train")]
        train = replace(train, weights=emphasised(train.weights, groups, part.get("emphasis", {})))
        text_dim = train.text[0].shape[1]
        shared = {name: rvq[name] for name in ("codes", "code_dim", "quantizers")}
        config = (
            LengthConfig(text_dim=text_dim)
            if kind == "length"
            else TransformerConfig(text_dim=text_dim, **shared, **part["sizes"])
        )
        schedule = Schedule(**part["schedule"])
        options = {"batch": part["batch"], "noise": TextNoise(**part["text_noise"]), "resume": resume, "log": log}
        train_on_tokens(kind, config, train, val, work, schedule, text_fingerprint=tower, **options)

    return stage


def evaluator_stage(
    dataset: DatasetFolder, work: Path, recipe: dict[str, Any], *, resume: bool = True, log: Log = print
) -> None:
    """Train the judge of text-motion agreement; needs no other stage and is not packed."""
    from moclip.evaluation.train_evaluator import judged_clips, train_evaluator, word_table
    from moclip.evaluation.words import glove_table, piece_table

    part = _table(recipe, "evaluator")
    glove = part.get("glove")
    table = word_table(dataset, lambda words: glove_table(Path(glove), words) if glove else piece_table(words))
    sizes = {**part["sizes"], "features": len(dataset.mean), "word_dim": table.vectors.shape[1]}
    train_evaluator(
        judged_clips(dataset, "train"),
        judged_clips(dataset, "val"),
        table,
        (dataset.mean, biased_std(dataset.std, dataset.meta["joints"])),
        work,
        EvaluatorConfig(**sizes),
        Schedule(**part["schedule"]),
        batch=part["batch"],
        resume=resume,
        log=log,
    )


STAGES: dict[str, Callable[..., None]] = {
    "tower": tower_stage,
    "rvq": rvq_stage,
    "decoder": decoder_stage,
    "moclip": moclip_stage,
    "tokens": tokens_stage,
    **{kind: _token_stage(kind) for kind in ("masked", "residual", "length")},
}

EXTRA_STAGES: dict[str, Callable[..., None]] = {"judge": judge_stage, "evaluator": evaluator_stage}
"""Stages that `moclip train embedded` leaves out: the evaluator is no part of a model, and a judge need not be."""
