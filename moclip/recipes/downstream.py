# SPDX-License-Identifier: Apache-2.0
"""Another text tower under a trained generator: swap it, keep it frozen, fine-tune masked, then residual transformer.

As MoCLIP plugs into MoMask. The RVQ stays as it is, and the length estimator keeps the tower that it was trained with.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from moclip.alignment.train import motion_encoder_weights
from moclip.data.clips import load_clips
from moclip.data.folder import DatasetFolder
from moclip.errors import MoclipError
from moclip.generators.momask.config import TransformerConfig
from moclip.generators.momask.rvq import RVQ
from moclip.generators.momask.train_tokens import (
    TextNoise,
    TokenClips,
    caption_vectors,
    encode_clips,
    load_token_clips,
    save_token_clips,
    train_on_tokens,
)
from moclip.models import JUDGE, LENGTH_TOWER, ModelFiles, load_model, write_description
from moclip.nn.checkpoint import fingerprint, load_weights, save_weights
from moclip.nn.config import Config
from moclip.nn.networks import restore
from moclip.recipes.recipe import tower_vectors
from moclip.text.tower import KIND, load_open_clip_tower, save_tower
from moclip.training.trainer import Schedule

Log = Callable[[str], None]
KINDS = ("masked", "residual")


@dataclass(frozen=True)
class FineTuneConfig(Config):
    """learning_rate, warmup: the paper's, 1e-6 and none; the rate falls to `final_rate` of itself as a cosine.

    isotropic, paraphrase: noise on the text vectors (`TextNoise`). captions: of a clip that are drawn from.
    """

    learning_rate: float = 1e-6
    warmup: int = 0
    final_rate: float = 1.0
    masked_steps: int = 2000
    residual_steps: int = 2000
    batch: int = 64
    isotropic: float = 0.0
    paraphrase: float = 0.0
    captions: int = 10
    ema: float = 0.0
    seed: int = 0

    def schedule(self, kind: str) -> Schedule:
        steps = self.masked_steps if kind == "masked" else self.residual_steps
        every = max(1, steps // 5)
        return Schedule(
            steps, self.learning_rate, warmup=self.warmup, final_rate=self.final_rate, ema=self.ema,
            validate_every=every, save_every=every, seed=self.seed,
        )  # fmt: skip


def fine_tune_generator(
    generator: str,
    tower: str,
    dataset: DatasetFolder,
    work: Path,
    out: Path,
    config: FineTuneConfig,
    *,
    judge: Path | None = None,
    codes: dict[str, list[list[np.ndarray]]] | None = None,
    resume: bool = True,
    log: Log = print,
) -> None:
    """Write the model folder `out`: `generator` (a name or folder), fine-tuned to read this tower.

    tower: a file that `save_tower` wrote, or an open_clip model's name. judge: `moclip.safetensors` with the motion
    encoder of this tower, to choose among takes by. codes: of the splits by this generator's RVQ, filled where they are
    missing, for one generator that is fine-tuned to several towers. Work and state are kept in `work`. With equal
    settings, runs with different towers draw the same clips, captions, noise and masks. Raises MoclipError, before any
    training, for what cannot be read, a tower of another width than the generator's, a judge of another tower, an `out`
    that is the generator's own folder, and work of another generator or tower that would be resumed.
    """
    files = load_model(generator)
    if out.resolve() == files.info.path.resolve():
        raise MoclipError(
            f"The folder {out} holds the generator that is to be fine-tuned.",
            hint="Give another --out.",
            code="bad_call",
        )
    work.mkdir(parents=True, exist_ok=True)
    arrays, sizes = _read_tower(tower, work)
    if sizes["embed_dim"] != files.configs["masked"]["text_dim"]:
        raise MoclipError(
            f"The text tower makes {sizes['embed_dim']} numbers, and the generator reads "
            f"{files.configs['masked']['text_dim']}.",
            hint="Fine-tune a tower of the generator's width.",
            code="tower_mismatch",
        )
    own_judge = _read_judge(judge, fingerprint(arrays)) if judge else None
    _claim_work(work, files, fingerprint(arrays), resume)
    codes = {} if codes is None else codes
    train, val = (
        _token_clips(files, (arrays, sizes), dataset, split, work, config, codes, log) for split in ("train", "val")
    )
    for kind in KINDS:
        kept = {k: v for k, v in files.configs[kind].items() if k in TransformerConfig().to_dict()}
        train_on_tokens(
            kind, TransformerConfig(**kept), train, val, work, config.schedule(kind),
            text_fingerprint=fingerprint(arrays), batch=config.batch,
            noise=TextNoise(config.isotropic, config.paraphrase), start=files.arrays[kind], resume=resume, log=log,
        )  # fmt: skip
    _write_model(files, (arrays, sizes), work, out, own_judge, log)


def _read_tower(tower: str, work: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
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


def _read_judge(path: Path, tower: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
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


def _claim_work(work: Path, files: ModelFiles, tower: str, resume: bool) -> None:
    """Refuse to resume the state of another generator or tower: it would be taken for this one's without a word."""
    path = work / "origin.txt"
    origin = " ".join([tower, *(fingerprint(files.arrays[network]) for network in ("rvq", *KINDS))])
    started = any((work / f"{kind}.state.pt").exists() for kind in KINDS)
    if resume and started and (not path.is_file() or path.read_text(encoding="utf-8") != origin):
        raise MoclipError(
            f"The work folder {work} holds the training of another generator or text tower.",
            hint="Give another --work, or --no-resume to start over.",
            code="bad_call",
        )
    if not resume:
        # Both go at once, or a run cut off between the two would later resume the old state of the second.
        for kind in KINDS:
            (work / f"{kind}.state.pt").unlink(missing_ok=True)
    path.write_text(origin, encoding="utf-8")


def _token_clips(
    files: ModelFiles,
    tower: tuple[dict[str, np.ndarray], dict[str, Any]],
    dataset: DatasetFolder,
    split: str,
    work: Path,
    config: FineTuneConfig,
    codes: dict[str, list[list[np.ndarray]]],
    log: Log,
) -> TokenClips:
    path = work / f"tokens.{split}.npz"
    parts = (fingerprint(tower[0]), fingerprint(files.arrays["rvq"]), dataset.fingerprint(split), config.captions)
    key = " ".join(map(str, parts))
    made = load_token_clips(path, key)
    if made is None:
        clips = load_clips(dataset, split)
        if split not in codes:
            codes[split] = encode_clips(clips.features, restore(RVQ, files.configs["rvq"], files.arrays["rvq"]))
            log(f"encoded {len(clips)} {split} clips")
        vectors = caption_vectors(clips, lambda captions: tower_vectors(*tower, captions, log), config.captions)
        save_token_clips(path, TokenClips(codes[split], vectors, clips.weights), key)
        # As a resumed run reads them, in float16: both go the same way.
        made = load_token_clips(path, key)
    return made


def _write_model(
    files: ModelFiles,
    tower: tuple[dict[str, np.ndarray], dict[str, Any]],
    work: Path,
    out: Path,
    judge: tuple[dict[str, np.ndarray], dict[str, Any]] | None,
    log: Log,
) -> None:
    source, own = files.info.path, fingerprint(tower[0])
    out.mkdir(parents=True, exist_ok=True)
    # A folder written before may hold networks of another tower, and a table of what was familiar to it.
    for name in (f"{JUDGE}.safetensors", f"{LENGTH_TOWER}.safetensors", "familiarity.npy"):
        (out / name).unlink(missing_ok=True)
    save_weights(out / "text.safetensors", *tower)
    for network in ("rvq", "length"):
        shutil.copyfile(source / f"{network}.safetensors", out / f"{network}.safetensors")
    for kind in KINDS:
        shutil.copyfile(work / f"{kind}.safetensors", out / f"{kind}.safetensors")
    if files.configs["length"]["text_fingerprint"] != own:
        name = LENGTH_TOWER if LENGTH_TOWER in files.arrays else "text"
        shutil.copyfile(source / f"{name}.safetensors", out / f"{LENGTH_TOWER}.safetensors")
    if judge:
        save_weights(out / f"{JUDGE}.safetensors", *judge)
    # How familiar a prompt is was measured in the old tower's space.
    details = {k: v for k, v in files.info.details.items() if k not in ("familiarity_threshold", "metrics")}
    origin = f"{files.info.name}, fine-tuned to the text tower {own}"
    write_description(out, {**details, "name": out.name, "description": origin, "text_fingerprint": own})
    if (source / "masked.onnx").is_file():
        from moclip.runtimes.export import export_graphs

        for path in export_graphs(load_model(str(out)), out):
            log(f"wrote {path.name}")
