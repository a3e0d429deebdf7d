# SPDX-License-Identifier: Apache-2.0
"""Official BAMM checkpoints to a model folder of ours.

BAMM's own run lies under `log/t2m/t2m`; tokenizer, residual transformer and length estimator are MoMask's, under
`checkpoints/t2m`. Names in the state dicts are equal to ours.
"""

import re
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from moclip.generators.bamm.config import BammConfig
from moclip.generators.bamm.network import BammTransformer
from moclip.generators.bamm.options import OFFICIAL
from moclip.generators.base.length import LengthConfig
from moclip.generators.base.released import HEAD_WIDTH, count_parts, read_state, refusal, save_exactly
from moclip.generators.momask.official import read_meta, read_network, rvq_sizes, transformer_sizes
from moclip.models import write_description
from moclip.nn.checkpoint import fingerprint, load_weights
from moclip.nn.networks import restore
from moclip.text.tower import TextTower, load_open_clip_tower, save_tower

RUNS = ("log/t2m/t2m", "log/t2m", ".")
"""Where, under the folder, runs of BAMM may lie; the first that holds one is taken."""
_FILES = ("model/latest.tar", "model/net_best_fid.tar")
_MOMASK = ("rvq_", "t2m_nlayer", "tres_nlayer", "length_estimator")
_FEATURES = 263


def recognises(folder: Path) -> bool:
    """Whether a run of BAMM lies here."""
    return bool(_runs(folder))


def import_official(folder: Path, out: Path, tower: TextTower | None = None, run: Path | None = None) -> None:
    """Write a model folder from an official one, with the text tower that it was trained with (OpenAI's ViT-B/32).

    folder: BAMM's own with `log` and `checkpoints` in it, or one in which the run lies beside MoMask's folders.
    run: the folder of the run, where there are several. Raises MoclipError when files are missing or are not BAMM's,
    or for the 21-joint KIT models; nothing is written then.
    """
    shared = folder / "checkpoints" / "t2m" if (folder / "checkpoints" / "t2m").is_dir() else folder
    run = run or _only_run(folder)
    states = {name: read_network(shared, name) for name in ("rvq", "residual", "length")}
    states["bamm"] = _read_run(run)
    meta = [read_meta(shared, name) for name in ("mean", "std")]
    if len(meta[0]) != _FEATURES:
        raise refusal(
            f"This checkpoint has {len(meta[0])} features; models with {_FEATURES} (HumanML3D) can be imported.",
            "Use the run and the checkpoints for t2m.",
        )
    rvq = rvq_sizes(states["rvq"])
    states["rvq"].update(mean=torch.from_numpy(meta[0]), std=torch.from_numpy(meta[1]))
    bamm = _sizes(states["bamm"], run)
    if bamm.codes != rvq.codes:
        raise refusal(
            f"The run {run.name} predicts {bamm.codes + 1} tokens; BAMM's are the {rvq.codes} codes of its tokenizer "
            "and END.",
            "Use the rvq folder that it was trained with; a transformer of MoMask's is imported as MoMask.",
        )
    restore(BammTransformer, bamm.to_dict(), {k: v.float().numpy() for k, v in states["bamm"].items()})
    length = LengthConfig(
        states["length"]["output.0.weight"].shape[1], states["length"]["output.11.weight"].shape[0]
    ).to_dict()
    residual = transformer_sizes(states["residual"], rvq).to_dict()
    states["residual"] = _without_tables(states["residual"])
    out.mkdir(parents=True, exist_ok=True)
    save_tower(tower or load_open_clip_tower(), out / "text.safetensors", full_precision=True)
    text = fingerprint(load_weights(out / "text.safetensors")[0])
    own = {"rotation_channels": "humanml3d", "fps": 20}
    save_exactly(out / "rvq.safetensors", states["rvq"], {"kind": "rvq", **rvq.to_dict(), **own})
    for name, sizes in (("bamm", bamm.to_dict()), ("residual", residual), ("length", length)):
        save_exactly(out / f"{name}.safetensors", states[name], {"kind": name, **sizes, "text_fingerprint": text})
    write_description(out, {
        "format": 1, "name": out.name, "generator": "bamm", "fps": 20, "text_fingerprint": text,
        "sampling": asdict(OFFICIAL), "licence": "that of the checkpoint's authors and of HumanML3D: research only",
        "description": f"BAMM as released by its authors, from {run.name}",
        "parameters": {name: sum(v.numel() for v in state.values()) for name, state in states.items()},
    })  # fmt: skip


def _runs(folder: Path) -> list[Path]:
    """Those in the first place that holds any."""
    for place in RUNS:
        found = sorted({path.parent.parent for name in _FILES for path in (folder / place).glob(f"*/{name}")})
        found = [run for run in found if not run.name.startswith(_MOMASK)]
        if found:
            return found
    return []


def _only_run(folder: Path) -> Path:
    found = _runs(folder)
    if len(found) > 1:
        raise refusal(
            f"There are several runs of BAMM under {folder}: {', '.join(run.name for run in found)}.",
            "Say which one, or point to a folder with one of them.",
        )
    if not found:
        raise refusal(
            f"There is no run of BAMM with a {_FILES[0]} under {folder}.",
            "Copy the run (2024-02-14-14-27-29_8_GPT_officialTrans_2iterPrdictEnd) to log/t2m/t2m.",
        )
    return found[0]


def _read_run(run: Path) -> dict[str, Tensor]:
    path = next((run / name for name in _FILES if (run / name).is_file()), None)
    if path is None:
        raise refusal(f"There is no {_FILES[0]} under {run}.", "Copy the whole folder of the run.")
    return _without_tables(read_state(path, ("t2m_transformer", "trans"), "BAMM's"))


def _without_tables(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights; positions are computed, and the text tower has a file of its own."""
    return {name: tensor for name, tensor in state.items() if not name.startswith(("position_enc", "clip_model"))}


def _sizes(state: dict[str, Tensor], run: Path) -> BammConfig:
    """Sizes as the tensors have them; the number of heads, which no tensor tells, from the run's opt.txt."""
    try:
        code_dim = state["token_emb.weight"].shape[1]
        classes = state["output_process.poseFinal.weight"].shape[0]
        width, text_dim = state["cond_emb.weight"].shape
    except KeyError as error:
        raise refusal(f"The run {run.name} lacks the tensor {error.args[0]}.", "Is it BAMM's?") from error
    variant = "official" if any(name.startswith("seqTransEncoder.layers.") for name in state) else "t2mgpt"
    first = "layers.0.linear1" if variant == "official" else "blocks.0.mlp.0"
    hidden = state.get(f"seqTransEncoder.{first}.weight", torch.empty(0))
    options = run / "opt.txt"
    told = re.search(r"^n_heads: *(\d+)", options.read_text(errors="replace"), re.M) if options.is_file() else None
    return BammConfig(
        codes=classes - 1, code_dim=code_dim, text_dim=text_dim, width=width, variant=variant,
        layers=count_parts(state, f"seqTransEncoder.{first.split('.')[0]}.", 2), feed_forward=hidden.shape[0],
        heads=int(told.group(1)) if told else max(1, width // HEAD_WIDTH),
    )  # fmt: skip
