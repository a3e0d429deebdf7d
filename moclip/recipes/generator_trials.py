# SPDX-License-Identifier: Apache-2.0
"""What the arms of an ablation are worth under a generator: the same one, fine-tuned to each arm's tower."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from moclip.evaluation.evaluator import Evaluator, load_evaluator
from moclip.evaluation.text_motion import evaluate_text_motion
from moclip.evaluation.train_evaluator import JudgedClips, judged_clips
from moclip.generate.pipeline import TextToMotion
from moclip.models import model_info
from moclip.nn.checkpoint import fingerprint, load_weights
from moclip.recipes.ablation import Ablation, summarise
from moclip.recipes.arms import TEACHER
from moclip.recipes.downstream import FineTuneConfig, FineTuning, fine_tune_generator
from moclip.recipes.recipe import compute_of


@dataclass(frozen=True)
class GeneratorTrial:
    """How arms are compared under a generator. clips: of the test split, drawn once, with captions in words that no
    training clip has. repeats: of the evaluation. label: tells several generators of one work folder apart.
    """

    generator: str
    evaluator: Path
    fine_tune: FineTuneConfig
    clips: int = 1_000_000
    repeats: int = 5
    label: str = ""

    def named(self, name: str) -> str:
        """The name of a file or folder of this trial."""
        return f"{name}-{self.label}" if self.label else name


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
    reports: list[dict[str, Any]] = []
    codes: dict[str, list[list[np.ndarray]]] = {}
    for seed in seeds:
        for name in names:
            out = ablation.folder(name, seed)
            made, work = out / trial.named("generator"), out / trial.named("fine-tuning")
            if not (made / "model.json").is_file():
                ablation.log(f"-- {trial.label or 'generator'} of {name}, seed {seed}")
                tuning = FineTuning(trial.generator, str(out / "text.safetensors"), work, made)
                compute, tune = compute_of(ablation.recipe), replace(trial.fine_tune, seed=seed)
                fine_tune_generator(tuning, ablation.dataset, tune, compute=compute, codes=codes, log=ablation.log)
                shutil.rmtree(work)
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
    path = ablation.work / f"seed{seed}" / f"{trial.named('generators')}.json"
    folders = {name: ablation.folder(name, seed) / trial.named("generator") for name in names}
    towers = {name: model_info(str(folder)).text_fingerprint for name, folder in folders.items()}
    key = [towers, fingerprint(load_weights(trial.evaluator)[0]), len(clips), trial.repeats, asdict(trial.fine_tune)]
    if path.is_file() and (known := json.loads(path.read_text(encoding="utf-8")))["key"] == key:
        kept: dict[str, Any] = known["report"]
        return kept
    models = {name: TextToMotion.load(str(folder)) for name, folder in folders.items()}
    report: dict[str, Any] = evaluate_text_motion(judge, clips, models, repeats=trial.repeats, seed=seed).to_dict()
    path.write_text(json.dumps({"key": key, "report": report}), encoding="utf-8")
    ablation.log(f"measured the generators of seed {seed}{trial.label and f', {trial.label}'}")
    return report
