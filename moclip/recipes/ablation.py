# SPDX-License-Identifier: Apache-2.0
"""What each part of MoCLIP's method is worth: the same training with one thing changed, over several seeds.

Arms of a seed see the same batches in the same order; those that differ in the second phase only share the first.
Everything is kept under one work folder, `seed<N>/<arm>/`, and an interrupted run goes on where it stopped.
"""

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from moclip.alignment.motion_encoder import MotionEncoderConfig
from moclip.alignment.pairs import PairedClips, embed_captions
from moclip.alignment.presets import AlignmentConfig, with_preset
from moclip.alignment.train import Compute, motion_encoder_weights, train_moclip
from moclip.data.folder import DatasetFolder
from moclip.errors import MoclipError
from moclip.evaluation.evaluator import Evaluator, load_evaluator
from moclip.evaluation.retrieval import load_spaces, retrievals
from moclip.evaluation.text_motion import evaluate_text_motion
from moclip.evaluation.train_evaluator import JudgedClips, judged_clips
from moclip.generate.pipeline import TextToMotion
from moclip.models import model_info
from moclip.nn.checkpoint import fingerprint, load_weights
from moclip.nn.networks import restore
from moclip.recipes.downstream import FineTuneConfig, fine_tune_generator
from moclip.recipes.recipe import Log, finish_moclip, load_teacher, paired_split
from moclip.text.tower import TextTower, load_tower
from moclip.training.trainer import Schedule


@dataclass(frozen=True)
class Arm:
    """A preset with some settings changed. generator: is a generator fine-tuned with its tower?"""

    preset: str = "paper"
    alignment: dict[str, Any] = field(default_factory=dict)
    motion: dict[str, Any] = field(default_factory=dict)
    generator: bool = False


TEACHER = "teacher"
"""The student never learns, so its text vectors are the teacher's; the motion encoder alone is trained."""

ARMS: dict[str, Arm] = {
    TEACHER: Arm(alignment={"unfreeze": "never"}, generator=True),
    "paper": Arm(alignment={"tether_weight": 0.4}, generator=True),
    "no tether": Arm(alignment={"tether_weight": 0.0}, generator=True),
    "lambda 0.2": Arm(alignment={"tether_weight": 0.2}),
    "lambda 0.6": Arm(alignment={"tether_weight": 0.6}),
    "no alignment": Arm(alignment={"alignment_weight": 0.0}),
    "no cross-limb attention": Arm(motion={"cross_limb": False}),
    "matrix W": Arm(alignment={"weight": "matrix"}),
    "authors": Arm("authors"),
    "recommended": Arm("recommended", generator=True),
}

_SECOND_PHASE = ("tether_weight", "tether_of", "tether_reduction", "unfreeze", "student_rate", "train_words")
"""Settings that change nothing while the student is frozen."""
CAPTION_SEEDS = 3


@dataclass(frozen=True)
class Settings:
    """An arm's settings in full, at a recipe's sizes."""

    motion: MotionEncoderConfig
    config: AlignmentConfig
    schedule: Schedule
    batch: int
    compute: Compute

    @property
    def first_phase(self) -> str:
        """Eight hex digits that name what the frozen phase depends on."""
        own = {k: v for k, v in self.config.to_dict().items() if k not in _SECOND_PHASE}
        whole = json.dumps([self.motion.to_dict(), own, vars(self.schedule), self.batch], sort_keys=True)
        return hashlib.sha256(whole.encode()).hexdigest()[:8]


def arm_settings(recipe: dict[str, Any], arm: Arm, seed: int) -> Settings:
    """The recipe's [moclip] with the arm's preset and changes."""
    part = with_preset(recipe["moclip"], arm.preset)
    schedule = replace(Schedule(**part["schedule"]), seed=seed)
    return Settings(
        MotionEncoderConfig(**{**part["motion"], **arm.motion}),
        AlignmentConfig(**{**part["alignment"], **arm.alignment}),
        replace(schedule, validate_every=max(1, schedule.steps // 10), save_every=max(1, schedule.steps // 5)),
        part["batch"],
        Compute(**part.get("compute", {})),
    )


class Ablation:
    """Trains the arms of a recipe on a dataset.

    start: `moclip.safetensors` whose motion encoder all go on from; None for the one that the recipe's [start] makes,
    or for a new one where it has no such table.
    """

    def __init__(
        self,
        dataset: DatasetFolder,
        work: Path,
        recipe: dict[str, Any],
        *,
        start: Path | None = None,
        log: Log = print,
    ):
        self.dataset, self.work, self.recipe, self.log = dataset, Path(work), recipe, log
        self._start = motion_encoder_weights(start)[0] if start else None
        self.teacher = load_teacher(self.work, recipe["moclip"].get("tower", "distilled"))
        self._pairs: dict[tuple[str, str], PairedClips] = {}

    def folder(self, arm: str, seed: int) -> Path:
        return self.work / f"seed{seed}" / arm.replace(" ", "-")

    def start(self) -> dict[str, np.ndarray] | None:
        """Weights of the motion encoder that all arms go on from.

        The recipe's [start] trains it against the frozen teacher and without cross-limb attention, which begins as the
        identity: so it favours no arm.
        """
        if self._start is None and "start" in self.recipe:
            part, frozen = self.recipe["start"], Arm(alignment={"unfreeze": "never"}, motion={"cross_limb": False})
            settings = arm_settings(self.recipe, frozen, 0)
            settings = replace(settings, schedule=Schedule(**part["schedule"]), batch=part["batch"])
            out = self.work / "start"
            if not _is_done(out, settings):
                self._train_start(out, settings)
            self._start = motion_encoder_weights(out / "moclip.safetensors")[0]
        return self._start

    def _train_start(self, out: Path, settings: Settings) -> None:
        self.log("-- the motion encoder that all arms go on from")
        splits = (self.pairs(split, settings.motion) for split in ("train", "val"))
        train_moclip(
            restore(TextTower, self.teacher[1], self.teacher[0]), *splits, out, settings.motion, settings.config,
            settings.schedule, batch=settings.batch, compute=settings.compute, log=self.log,
        )  # fmt: skip
        (out / "moclip.json").write_text(json.dumps({"settings": _described(settings)}), encoding="utf-8")

    def train(self, name: str, seed: int) -> None:
        """Train an arm, or go on with it; nothing when it is done."""
        settings, out = arm_settings(self.recipe, find_arm(name), seed), self.folder(name, seed)
        if _is_done(out, settings):
            return
        self.log(f"-- {name}, seed {seed}")
        tower = restore(TextTower, self.teacher[1], self.teacher[0])
        train, val = self.pairs("train", settings.motion), self.pairs("val", settings.motion)
        options = {"batch": settings.batch, "compute": settings.compute, "log": self.log}
        if not (out / "moclip.state.pt").is_file():
            first = self.work / f"seed{seed}" / f"first-phase-{settings.first_phase}"
            frozen = replace(settings.config, unfreeze="whole")
            until = frozen.unfreeze_step(settings.schedule.steps)
            phase = {**options, "start": self.start(), "until": until}
            train_moclip(tower, train, val, first, settings.motion, frozen, settings.schedule, **phase)
            out.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(first / "moclip.state.pt", out / "moclip.state.pt")
        train_moclip(tower, train, val, out, settings.motion, settings.config, settings.schedule, **options)
        report = finish_moclip(out, tower, val, self.log)
        (out / "moclip.json").write_text(json.dumps({**report, "settings": _described(settings)}), encoding="utf-8")
        (out / "moclip.state.pt").unlink()

    def measure(self, name: str, seed: int, split: str = "test") -> dict[str, float]:
        """Recall in the arm's own space, norm ratio and how far the text vectors moved; kept in `retrieval.json`."""
        out = self.folder(name, seed)
        path, made = out / "retrieval.json", json.loads((out / "moclip.json").read_text(encoding="utf-8"))
        key = f"{split} {self.dataset.fingerprint(split)} {made['step']} {made['val']}"
        if path.is_file() and (known := json.loads(path.read_text(encoding="utf-8")))["key"] == key:
            return known["numbers"]
        tower, encoder = load_spaces("", out)
        clips = self.pairs(split, encoder.config)
        found = retrievals(tower, encoder, clips, range(CAPTION_SEEDS))
        numbers = {
            f"{short} R@{k}": float(np.mean([f[way][k] for f in found]))
            for short, way in (("t2m", "text to motion"), ("m2t", "motion to text"))
            for k in found[0][way]
        }
        numbers |= {"norm ratio": made["norm_ratio"], "cosine to teacher": self._closeness(out, clips)}
        path.write_text(json.dumps({"key": key, "numbers": numbers}), encoding="utf-8")
        return numbers

    def pairs(self, split: str, motion: MotionEncoderConfig) -> PairedClips:
        """A split, read once for each way of taking joints."""
        key = (split, motion.joint_source)
        if key not in self._pairs:
            self._pairs[key] = paired_split(self.dataset, self.work, split, motion, self.teacher, self.log)
        return self._pairs[key]

    def _closeness(self, out: Path, clips: PairedClips) -> float:
        tokens = torch.from_numpy(np.stack([rows[0] for rows in clips.tokens]).astype(np.int64))
        with torch.inference_mode():
            own = embed_captions(load_tower(out / "text.safetensors"), tokens)
        return float(F.cosine_similarity(own, torch.from_numpy(np.stack([v[0] for v in clips.teacher])).float()).mean())


@dataclass(frozen=True)
class GeneratorTrial:
    """How arms are compared under a generator. clips: of the test split, drawn once, with captions in words that no
    training clip has. repeats: of the evaluation.
    """

    generator: str
    evaluator: Path
    fine_tune: FineTuneConfig
    clips: int = 1_000_000
    repeats: int = 5


def run_generators(
    ablation: Ablation, names: Sequence[str], seeds: Sequence[int], trial: GeneratorTrial, split: str = "test"
) -> dict[str, Any]:
    """Fine-tune the same generator to each arm's tower and measure them side by side, seed by seed.

    Returns {"arms": arm -> metric -> summary over the seeds, "real": metric -> summary, "minus teacher": arm -> metric
    -> one 95 % bootstrap interval a seed, "clips": N}. The arms must have been trained. What is done is not done again.
    """
    names = [*(n for n in names if n != TEACHER), *(n for n in names if n == TEACHER)]
    judge = load_evaluator(trial.evaluator)
    clips = judged_clips(ablation.dataset, split, new_wordings=True).sample(trial.clips)
    reports, codes = [], {}
    for seed in seeds:
        for name in names:
            out = ablation.folder(name, seed)
            if not (out / "generator" / "model.json").is_file():
                ablation.log(f"-- generator of {name}, seed {seed}")
                fine_tune_generator(
                    trial.generator, str(out / "text.safetensors"), ablation.dataset, out / "fine-tuning",
                    out / "generator", replace(trial.fine_tune, seed=seed), codes=codes, log=ablation.log,
                )  # fmt: skip
                shutil.rmtree(out / "fine-tuning")
        reports.append(_measured(ablation, names, seed, trial, judge, clips))
    rows = {name: [r["rows"][name] for r in reports] for name in ("real", *names)}
    summary = {name: {m: summarise([row[m][0] for row in found]) for m in found[0]} for name, found in rows.items()}
    return {
        "arms": {name: summary[name] for name in names},
        "real": summary["real"],
        "minus teacher": {
            name: {metric: [r["differences"][name][metric] for r in reports] for metric in first}
            for name, first in reports[0]["differences"].items()
        } if names[-1] == TEACHER else {},
        "clips": len(clips),
    }  # fmt: skip


def _measured(
    ablation: Ablation,
    names: Sequence[str],
    seed: int,
    trial: GeneratorTrial,
    judge: Evaluator,
    clips: JudgedClips,
) -> dict[str, Any]:
    path = ablation.work / f"seed{seed}" / "generators.json"
    folders = {name: ablation.folder(name, seed) / "generator" for name in names}
    towers = {name: model_info(str(folder)).text_fingerprint for name, folder in folders.items()}
    key = [towers, fingerprint(load_weights(trial.evaluator)[0]), len(clips), trial.repeats, asdict(trial.fine_tune)]
    if path.is_file() and (known := json.loads(path.read_text(encoding="utf-8")))["key"] == key:
        return known["report"]
    models = {name: TextToMotion.load(str(folder)) for name, folder in folders.items()}
    report = evaluate_text_motion(judge, clips, models, repeats=trial.repeats, seed=seed).to_dict()
    path.write_text(json.dumps({"key": key, "report": report}), encoding="utf-8")
    ablation.log(f"measured the generators of seed {seed}")
    return report


def find_arm(name: str) -> Arm:
    if name not in ARMS:
        raise MoclipError(f"There is no arm '{name}'.", hint=f"Use {', '.join(ARMS)}.", code="bad_arm")
    return ARMS[name]


def _described(settings: Settings) -> dict[str, Any]:
    config, motion = settings.config.to_dict(), settings.motion.to_dict()
    return {"alignment": config, "motion": motion, "schedule": vars(settings.schedule), "batch": settings.batch}


def _is_done(out: Path, settings: Settings) -> bool:
    """Raises MoclipError when the folder holds an arm of other settings."""
    path = out / "moclip.json"
    if not path.is_file():
        return False
    if json.loads(path.read_text(encoding="utf-8"))["settings"] != _described(settings):
        raise MoclipError(
            f"{out} was trained with other settings.", hint="Choose another --work, or delete it.", code="bad_work"
        )
    return True


def summarise(values: Sequence[float]) -> dict[str, float]:
    """Mean over seeds, half of its 95 % interval (1.96 sd / sqrt(n), as the field has it), least and most."""
    array = np.asarray(values, dtype=np.float64)
    half = 1.96 * array.std(ddof=1) / np.sqrt(len(array)) if len(array) > 1 else 0.0
    return {"mean": float(array.mean()), "half": float(half), "least": float(array.min()), "most": float(array.max())}


def run_alignment(
    ablation: Ablation, names: Sequence[str], seeds: Sequence[int]
) -> dict[str, dict[str, dict[str, float]]]:
    """Train and measure arms: arm -> metric -> summary over the seeds. A seed's arms come one after the other."""
    for name in names:
        find_arm(name)
    found: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for seed in seeds:
        for name in names:
            ablation.train(name, seed)
            found[name].append(ablation.measure(name, seed))
    return {name: {m: summarise([row[m] for row in rows]) for m in rows[0]} for name, rows in found.items()}
