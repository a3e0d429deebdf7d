# SPDX-License-Identifier: Apache-2.0
"""What each part of MoCLIP's method is worth: the same training with one thing changed, over several seeds.

Arms of a seed see the same batches in the same order; those that differ in the second phase only share the first.
Everything is kept under one work folder, `seed<N>/<arm>/`, and an interrupted run goes on where it stopped.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from moclip.alignment.motion_encoder import MotionEncoderConfig
from moclip.alignment.pairs import PairedClips, embed_captions
from moclip.alignment.train import motion_encoder_weights, train_moclip
from moclip.data.folder import DatasetFolder
from moclip.errors import MoclipError
from moclip.evaluation.retrieval import load_spaces, retrievals
from moclip.nn.networks import restore
from moclip.recipes.arms import Arm, Settings, arm_settings, find_arm
from moclip.recipes.recipe import ClipsTable, Recipe, compute_of, settings
from moclip.recipes.work import finish_moclip, load_teacher, paired_split
from moclip.text.tower import TextTower, load_tower
from moclip.training.run import Log, Run

CAPTION_SEEDS = 3


class Ablation:
    """Trains the arms of a recipe on a dataset.

    start: `moclip.safetensors` whose motion encoder all go on from; None for the one that the recipe's [start] makes,
    or for a new one where it has no such table.
    """

    def __init__(
        self,
        dataset: DatasetFolder,
        work: Path,
        recipe: Recipe,
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
            part = settings(self.recipe, "start", ClipsTable)
            frozen = Arm(alignment={"unfreeze": "never"}, motion={"cross_limb": False})
            own = replace(arm_settings(self.recipe, frozen, 0), schedule=part.schedule, batch=part.batch)
            out = self.work / "start"
            if not _is_done(out, own):
                self._train_start(out, own)
            self._start = motion_encoder_weights(out / "moclip.safetensors")[0]
        return self._start

    def _train_start(self, out: Path, own: Settings) -> None:
        self.log("-- the motion encoder that all arms go on from")
        train, val = (self.pairs(split, own.motion) for split in ("train", "val"))
        run = Run(out, own.schedule, own.compute, log=self.log)
        train_moclip(self._tower(), train, val, own.motion, own.config, run, batch=own.batch)
        (out / "moclip.json").write_text(json.dumps({"settings": own.describe()}), encoding="utf-8")

    def train(self, name: str, seed: int) -> None:
        """Train an arm, or go on with it; nothing when it is done."""
        own, out = arm_settings(self.recipe, find_arm(name), seed), self.folder(name, seed)
        if _is_done(out, own):
            return
        self.log(f"-- {name}, seed {seed}")
        tower, (train, val) = self._tower(), (self.pairs(split, own.motion) for split in ("train", "val"))
        run = Run(out, own.schedule, own.compute, log=self.log)
        if not (out / "moclip.state.pt").is_file():
            first = self.work / f"seed{seed}" / f"first-phase-{own.first_phase}"
            frozen = replace(own.config, unfreeze="whole")
            phase = replace(run, out=first, until=frozen.unfreeze_step(own.schedule.steps))
            train_moclip(tower, train, val, own.motion, frozen, phase, batch=own.batch, start=self.start())
            out.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(first / "moclip.state.pt", out / "moclip.state.pt")
        train_moclip(tower, train, val, own.motion, own.config, run, batch=own.batch)
        report = finish_moclip(out, tower, val, self.log)
        (out / "moclip.json").write_text(json.dumps({**report, "settings": own.describe()}), encoding="utf-8")
        (out / "moclip.state.pt").unlink()

    def _tower(self) -> TextTower:
        return restore(TextTower, self.teacher[1], self.teacher[0])

    def measure(self, name: str, seed: int, split: str = "test") -> dict[str, float]:
        """Recall in the arm's own space, norm ratio and how far the text vectors moved; kept in `retrieval.json`."""
        out = self.folder(name, seed)
        path, made = out / "retrieval.json", json.loads((out / "moclip.json").read_text(encoding="utf-8"))
        key = f"{split} {self.dataset.fingerprint(split)} {made['step']} {made['val']}"
        if path.is_file() and (known := json.loads(path.read_text(encoding="utf-8")))["key"] == key:
            kept: dict[str, float] = known["numbers"]
            return kept
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
            compute = compute_of(self.recipe)
            self._pairs[key] = paired_split(self.dataset, self.work, split, motion, self.teacher, self.log, compute)
        return self._pairs[key]

    def _closeness(self, out: Path, clips: PairedClips) -> float:
        tokens = torch.from_numpy(np.stack([rows[0] for rows in clips.tokens]).astype(np.int64))
        with torch.inference_mode():
            own = embed_captions(load_tower(out / "text.safetensors"), tokens)
        teacher = torch.from_numpy(np.stack([vectors[0] for vectors in clips.teacher or []])).float()
        return float(F.cosine_similarity(own, teacher).mean())


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


def _is_done(out: Path, settings: Settings) -> bool:
    """Raises MoclipError when the folder holds an arm of other settings."""
    path = out / "moclip.json"
    if not path.is_file():
        return False
    if json.loads(path.read_text(encoding="utf-8"))["settings"] != settings.describe():
        raise MoclipError(
            f"{out} was trained with other settings.", hint="Choose another --work, or delete it.", code="bad_work"
        )
    return True
