# SPDX-License-Identifier: Apache-2.0
"""Another text tower under a trained generator: swap it, keep it frozen, fine-tune masked, then residual transformer.

As MoCLIP plugs into MoMask. The RVQ stays as it is, and the length estimator keeps the tower that it was trained with.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from moclip.alignment.train import motion_encoder_weights
from moclip.data.clips import load_clips
from moclip.data.folder import DatasetFolder
from moclip.errors import MoclipError
from moclip.generators.base.generator import DEFAULT
from moclip.generators.base.learners import TokenData, train_on_tokens
from moclip.generators.base.length import LengthEstimator
from moclip.generators.base.token_clips import TextNoise, TokenClips, encode_clips, load_token_clips
from moclip.models import JUDGE, LENGTH_TOWER, ModelFiles, load_model, write_description
from moclip.nn.checkpoint import fingerprint, load_weights, save_weights
from moclip.nn.config import Config, Count, Natural, NotNegative, Share, sizes
from moclip.nn.networks import pick_device, restore
from moclip.recipes.generators import GeneratorTraining, generator_training
from moclip.recipes.work import Weights, token_clips
from moclip.text.tower import KIND, TextTower, load_open_clip_tower, save_tower
from moclip.training.run import Compute, Log, Run, Schedule


@dataclass(frozen=True)
class FineTuneConfig(Config):
    """learning_rate, warmup: the paper's, 1e-6 and none; the rate falls to `final_rate` of itself as a cosine.

    isotropic, paraphrase: noise on the text vectors (`TextNoise`). captions: of a clip that are drawn from.
    """

    learning_rate: NotNegative = 1e-6
    warmup: Natural = 0
    final_rate: Share = 1.0
    masked_steps: Count = 2000
    residual_steps: Count = 2000
    batch: Count = 64
    isotropic: NotNegative = 0.0
    paraphrase: NotNegative = 0.0
    captions: Count = 10
    ema: Share = 0.0
    seed: Natural = 0

    def schedule(self, kind: str) -> Schedule:
        """Of the residual transformer, or of the network that makes the base layer."""
        steps = self.residual_steps if kind == "residual" else self.masked_steps
        every = max(1, steps // 5)
        return Schedule(
            steps, self.learning_rate, warmup=self.warmup, final_rate=self.final_rate, ema=self.ema,
            validate_every=every, save_every=every, seed=self.seed,
        )  # fmt: skip


@dataclass(frozen=True)
class FineTuning:
    """What is tuned to what, and where. generator: name or folder of a model. tower: a file that `save_tower` wrote, or
    an open_clip model's name. work: keeps work and state. out: the model folder to write. judge: `moclip.safetensors`
    with the motion encoder of this tower, to choose among takes by.
    """

    generator: str
    tower: str
    work: Path
    out: Path
    judge: Path | None = None


def fine_tune_generator(
    tuning: FineTuning,
    dataset: DatasetFolder,
    config: FineTuneConfig,
    *,
    compute: Compute | None = None,
    codes: dict[str, list[list[np.ndarray]]] | None = None,
    resume: bool = True,
    log: Log = print,
) -> None:
    """Write the model folder `tuning.out`: the generator, fine-tuned to read the tower.

    codes: of the splits by this generator's VQ, filled where they are missing, for one generator that is fine-tuned to
    several towers. With equal settings, runs with different towers draw the same clips, captions, noise and masks.
    Raises MoclipError, before any training, for what cannot be read, a tower of another width than the generator's, a
    judge of another tower, an `out` that is the generator's own folder, and work of another generator or tower that
    would be resumed.
    """
    files, work = load_model(tuning.generator), tuning.work
    if tuning.out.resolve() == files.info.path.resolve():
        raise MoclipError(
            f"The folder {tuning.out} holds the generator that is to be fine-tuned.",
            hint="Give another --out.",
            code="bad_call",
        )
    tuner = _Tuner(files, dataset, work, compute or Compute(), log)
    work.mkdir(parents=True, exist_ok=True)
    tower = _read_tower(tuning.tower, work)
    tuner.check_width(tower[1]["embed_dim"])
    own_judge = _read_judge(tuning.judge, fingerprint(tower[0])) if tuning.judge else None
    tuner.claim_work(fingerprint(tower[0]), resume)
    tuner.train(tower, config, {} if codes is None else codes, resume)
    tuner.write_model(tower, tuning.out, own_judge)


def _read_tower(tower: str, work: Path) -> Weights:
    path = Path(tower)
    if not path.is_file():
        if path.suffix:
            raise MoclipError(f"There is no text tower {tower}.", hint="Check --text-encoder.", code="bad_weights")
        # Named after the model: work that saw another name must not hand out that one's tower.
        path = work / f"{tower.replace('/', '_')}.safetensors"
        if not path.is_file():
            name, _, pretrained = tower.partition("/")
            save_tower(load_open_clip_tower(name, pretrained or "openai"), path)
    arrays, config = load_weights(path)
    if config.get("kind") != KIND:
        raise MoclipError(
            f"The weights file {path} is not a text tower.", hint="Check --text-encoder.", code="bad_weights"
        )
    return arrays, config


def _read_judge(path: Path, tower: str) -> Weights:
    arrays, config = motion_encoder_weights(path)
    prefix, everything = "student.", load_weights(path)[0]
    trained_with = fingerprint({k.removeprefix(prefix): v for k, v in everything.items() if k.startswith(prefix)})
    if trained_with != tower:
        raise MoclipError(
            f"The motion encoder in {path} was trained with another text tower ({trained_with}, not {tower}).",
            hint="Give as --judge the moclip.safetensors that lies beside the tower, or leave it out.",
            code="tower_mismatch",
        )
    return arrays, {**config, "text_fingerprint": tower}


class _Tuner:
    """One generator and the work folder of its fine-tuning."""

    def __init__(self, files: ModelFiles, dataset: DatasetFolder, work: Path, compute: Compute, log: Log):
        self.files, self.dataset, self.work, self.compute, self.log = files, dataset, work, compute, log
        self.parts: GeneratorTraining = generator_training(files.info.details.get("generator", DEFAULT))
        # The length estimator keeps the tower that it was trained with.
        self.kinds = [k for k, learner in self.parts.learners.items() if learner.network is not LengthEstimator]

    def check_width(self, width: int) -> None:
        own = self.files.configs[self.kinds[0]]["text_dim"]
        if width != own:
            raise MoclipError(
                f"The text tower makes {width} numbers, and the generator reads {own}.",
                hint="Fine-tune a tower of the generator's width.",
                code="tower_mismatch",
            )

    def claim_work(self, tower: str, resume: bool) -> None:
        """Refuse to resume the state of another generator or tower: it would be taken for this one's without a word."""
        path, states = self.work / "origin.txt", [self.work / f"{kind}.state.pt" for kind in self.kinds]
        networks = (self.parts.vq.KIND, *self.kinds)
        origin = " ".join([tower, *(fingerprint(self.files.arrays[network]) for network in networks)])
        started = any(state.exists() for state in states)
        if resume and started and (not path.is_file() or path.read_text(encoding="utf-8") != origin):
            raise MoclipError(
                f"The work folder {self.work} holds the training of another generator or text tower.",
                hint="Give another --work, or --no-resume to start over.",
                code="bad_call",
            )
        if not resume:
            # All go at once, or a run cut off between them would later resume the old state of the next.
            for state in states:
                state.unlink(missing_ok=True)
        path.write_text(origin, encoding="utf-8")

    def train(
        self, tower: Weights, config: FineTuneConfig, codes: dict[str, list[list[np.ndarray]]], resume: bool
    ) -> None:
        vq_kind = self.parts.vq.KIND
        vq: Any = restore(self.parts.vq, self.files.configs[vq_kind], self.files.arrays[vq_kind])
        train, val = (self._token_clips(vq, tower, split, config, codes) for split in ("train", "val"))
        data = TokenData(train, val, fingerprint(tower[0]), restore(TextTower, tower[1], tower[0]), vq)
        for kind in self.kinds:
            learner, run = (
                self.parts.learners[kind],
                Run(self.work, config.schedule(kind), self.compute, resume, log=self.log),
            )
            train_on_tokens(
                kind, learner, learner.network.CONFIG.from_dict(sizes(self.files.configs[kind])), data,
                run, batch=config.batch, noise=TextNoise(config.isotropic, config.paraphrase),
                start=self.files.arrays[kind],
            )  # fmt: skip

    def _token_clips(
        self,
        vq: Any,
        tower: Weights,
        split: str,
        config: FineTuneConfig,
        codes: dict[str, list[list[np.ndarray]]],
    ) -> TokenClips:
        path, codec = self.work / f"tokens.{split}.npz", fingerprint(self.files.arrays[self.parts.vq.KIND])
        key = f"{fingerprint(tower[0])} {codec} {self.dataset.fingerprint(split)} {config.captions}"
        made = load_token_clips(path, key)
        if made is not None:
            return made
        clips, device = load_clips(self.dataset, split), pick_device(self.compute.device)
        if split not in codes:
            codes[split] = encode_clips(clips.features, vq.to(device), device=device)
            vq.cpu()
            self.log(f"encoded {len(clips)} {split} clips")
        return token_clips(path, key, clips, codes[split], tower, config.captions, self.log, self.compute)

    def write_model(self, tower: Weights, out: Path, judge: Weights | None) -> None:
        files, info, own = self.files, self.files.info, fingerprint(tower[0])
        out.mkdir(parents=True, exist_ok=True)
        # A folder written before may hold networks of another tower, and a table of what was familiar to it.
        for name in (f"{JUDGE}.safetensors", f"{LENGTH_TOWER}.safetensors", "familiarity.npy"):
            (out / name).unlink(missing_ok=True)
        save_weights(out / "text.safetensors", *tower)
        for network in {*files.arrays} - {"text", JUDGE, LENGTH_TOWER, *self.kinds}:
            shutil.copyfile(info.file(network), out / f"{network}.safetensors")
        for kind in self.kinds:
            shutil.copyfile(self.work / f"{kind}.safetensors", out / f"{kind}.safetensors")
        if "length" in files.configs and files.configs["length"]["text_fingerprint"] != own:
            name = LENGTH_TOWER if LENGTH_TOWER in files.arrays else "text"
            shutil.copyfile(info.file(name), out / f"{LENGTH_TOWER}.safetensors")
        if judge:
            save_weights(out / f"{JUDGE}.safetensors", *judge)
        # How familiar a prompt is was measured in the old tower's space.
        untrue = ("familiarity_threshold", "metrics", "shares")
        details = {k: v for k, v in info.details.items() if k not in untrue}
        origin = f"{info.name}, fine-tuned to the text tower {own}"
        write_description(out, {**details, "name": out.name, "description": origin, "text_fingerprint": own})
        if any(info.path.glob("*.onnx")):
            from moclip.runtimes.export import export_graphs

            for path in export_graphs(load_model(str(out)), out):
                self.log(f"wrote {path.name}")
