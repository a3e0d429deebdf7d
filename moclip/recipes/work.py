# SPDX-License-Identifier: Apache-2.0
"""The work folder that stages share: what lies in it, and what is computed once for several of them.

Every stage writes `<work>/<name>.safetensors` and resumes from `<work>/<name>.state.pt`.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from moclip.alignment.motion_encoder import MotionEncoderConfig
from moclip.alignment.pairs import PairedClips, embed_captions, pair_clips
from moclip.data.clips import Clips, load_clips
from moclip.data.folder import DatasetFolder
from moclip.errors import MoclipError
from moclip.generators.base.learners import TokenData
from moclip.generators.base.token_clips import (
    TokenClips,
    caption_tokens,
    caption_vectors,
    encode_clips,
    load_caption_vectors,
    load_token_clips,
    save_caption_vectors,
    save_token_clips,
)
from moclip.nn.checkpoint import fingerprint, load_weights
from moclip.nn.networks import Network, pick_device, restore
from moclip.text.tokenizer import Tokenizer
from moclip.text.tower import TextTower, load_open_clip_tower, save_tower
from moclip.training.processes import Processes
from moclip.training.run import Compute, Log

Weights = tuple[dict[str, np.ndarray], dict[str, Any]]
"""Tensors and configuration of a network, as `load_weights` gives them."""
CAPTIONS = 30
"""Captions of a clip that the generator is trained on: embedding them is most of the time of the stage `tokens`."""
COMPUTE = Compute()
_MADE_BY = {"text": "moclip", "vq": "rvq"}


def need(work: Path, name: str) -> Weights:
    """The network that an earlier stage left. Raises MoclipError, naming the stage, where it has not."""
    path = work / f"{name}.safetensors"
    if not path.is_file():
        raise MoclipError(
            f"There is no {path} yet.",
            hint=f"Run `moclip train {_MADE_BY.get(name, name)}` with the same --work first.",
        )
    return load_weights(path)


def load_teacher(work: Path, name: str) -> Weights:
    """The tower that MoCLIP starts from: "distilled", or one of open_clip's as NAME/TAG or NAME/FILE.

    Either lies in the work folder as `tower.safetensors`.
    """
    if name != "distilled" and not (work / "tower.safetensors").is_file():
        model, _, pretrained = name.partition("/")
        work.mkdir(parents=True, exist_ok=True)
        save_tower(load_open_clip_tower(model, pretrained or "openai"), work / "tower.safetensors")
    return need(work, "tower")


def tower_vectors(
    arrays: Mapping[str, np.ndarray],
    config: Mapping[str, Any],
    captions: list[str],
    log: Log = print,
    compute: Compute = COMPUTE,
) -> np.ndarray:
    """(N, D) float32 text vectors, computed in batches of similar length."""
    device = pick_device(compute.device)
    precision = torch.autocast(torch.device(device).type, torch.bfloat16, enabled=compute.precision == "bfloat16")
    tower, tokens = restore(TextTower, config, arrays).to(device), Tokenizer().encode(captions)
    ends = tokens.argmax(1)
    vectors = np.empty((len(tokens), tower.config.embed_dim), dtype=np.float32)
    with torch.inference_mode(), precision:
        for chunk in np.array_split(np.argsort(ends), max(1, len(tokens) // 256)):
            if len(chunk):
                part = torch.from_numpy(tokens[chunk, : ends[chunk].max() + 1]).to(device)
                vectors[chunk] = tower(part).float().cpu().numpy()
    log(f"embedded {len(captions)} captions")
    return vectors


def paired_split(
    dataset: DatasetFolder,
    work: Path,
    split: str,
    motion: MotionEncoderConfig,
    teacher: Weights,
    log: Log = print,
    compute: Compute = COMPUTE,
) -> PairedClips:
    """A split with the teacher's vectors of all captions, which are computed once and kept in the work folder."""
    clips = load_clips(dataset, split)
    path, key = work / f"captions.{split}.npz", f"{fingerprint(teacher[0])} {dataset.fingerprint(split)}"
    with Processes.join(compute.device).first_goes_ahead():
        vectors = load_caption_vectors(path, key)
        if vectors is None:
            made = caption_vectors(clips, lambda captions: tower_vectors(*teacher, captions, log, compute), None)
            save_caption_vectors(path, made, key)
            vectors = load_caption_vectors(path, key)  # in float16, as a resumed run reads them
    return pair_clips(dataset, clips, motion, vectors)


def finish_moclip(
    work: Path, teacher: TextTower, val: PairedClips, log: Log, kept: str = "float16"
) -> dict[str, float]:
    """Write the best student alone (`text.safetensors`) and how it does (`moclip.json`), which is also returned.

    That is its step and score, and the mean of student norm / teacher norm, which generators feel because they read
    text vectors as they are.
    """
    best, config = need(work, "moclip")
    prefix = "student."
    student_arrays = {k.removeprefix(prefix): v for k, v in best.items() if k.startswith(prefix)}
    student = restore(TextTower, {"kind": "text", **config["tower"]}, student_arrays)
    tokens = torch.from_numpy(np.concatenate([t[:1] for t in val.tokens])[:256].astype(np.int64))
    with torch.inference_mode():
        ratio = embed_captions(student, tokens).norm(dim=1) / embed_captions(teacher, tokens).norm(dim=1)
    report = {"step": config["step"], "val": config["score"], "norm_ratio": float(ratio.mean())}
    log(f"moclip: student norm / teacher norm = {report['norm_ratio']:.3f}")
    save_tower(student, work / "text.safetensors", kept=kept)
    (work / "moclip.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return report


def token_clips(
    path: Path,
    key: str,
    clips: Clips,
    codes: list[list[np.ndarray]],
    tower: Weights,
    captions: int,
    log: Log = print,
    compute: Compute = COMPUTE,
) -> TokenClips:
    """The clips as their codes and the tower's vectors of their first captions, written under this key.

    In float16, as a run that goes on reads them: both go the same way.
    """
    vectors = caption_vectors(clips, lambda texts: tower_vectors(*tower, texts, log, compute), captions)
    save_token_clips(path, TokenClips(codes, vectors, clips.weights, caption_tokens(clips, captions)), key)
    made = load_token_clips(path, key)
    assert made is not None
    return made


def token_data(
    dataset: DatasetFolder, work: Path, vq: type[Network], log: Log = print, compute: Compute = COMPUTE
) -> tuple[TokenData, dict[str, Any]]:
    """Both splits as codes and text, encoded once for all networks that read them; and the VQ's configuration."""
    text, text_config = need(work, "text")
    arrays, config = need(work, vq.KIND)
    # Tuning the decoder changes no code.
    key = f"{fingerprint(text)} {fingerprint({k: v for k, v in arrays.items() if not k.startswith('decoder.')})}"
    network: Any = restore(vq, config, arrays).to(pick_device(compute.device))
    splits = []
    # Generators of one work folder may have codes of their own.
    name = "tokens" if vq.KIND == "rvq" else f"tokens-{vq.KIND}"
    with Processes.join(compute.device).first_goes_ahead():
        for split in ("train", "val"):
            path, split_key = work / f"{name}.{split}.npz", f"{key} {dataset.fingerprint(split)}"
            made = load_token_clips(path, split_key)
            if made is None:
                clips = load_clips(dataset, split)
                codes = encode_clips(clips.features, network, device=pick_device(compute.device))
                log(f"encoded {len(codes)} {split} clips")
                made = token_clips(path, split_key, clips, codes, (text, text_config), CAPTIONS, log, compute)
            splits.append(made)
    tower = restore(TextTower, text_config, text)
    return TokenData(splits[0], splits[1], fingerprint(text), tower, network.cpu()), config
