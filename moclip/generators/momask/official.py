# SPDX-License-Identifier: Apache-2.0
"""Official MoMask checkpoints to a model folder of ours.

Reads `checkpoints/t2m` or `checkpoints/kit` as its authors lay it out. Sizes are taken from the tensors themselves, and
what these do not tell from each run's opt.txt; state-dict names are equal to ours, so nothing is renamed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from moclip.codecs.config import ACTIVATIONS, RVQConfig
from moclip.generators.base.length import LengthConfig
from moclip.generators.base.released import (
    Body,
    body_of,
    count_option,
    count_parts,
    heads_of,
    read_moments,
    read_options,
    read_state,
    refusal,
    sized,
    without_tables,
)
from moclip.generators.momask.config import TransformerConfig
from moclip.generators.momask.sampling import OFFICIAL
from moclip.releases import Part, Release, Towers, write_model

HINT = "Point to MoMask's checkpoints/t2m or checkpoints/kit folder."
ENTRIES = {
    "rvq": ("vq_model", "net"),
    "masked": ("t2m_transformer", "trans"),
    "residual": ("res_transformer",),
    "length": ("estimator",),
}
"""Network -> the entries that may hold its state dict."""
LAYOUT = {"masked": "t2m_*", "residual": "tres_*", "rvq": "rvq_*", "length": "length_estimator"}
"""Network -> its run's folder under the data set's."""
FILES = ("latest.tar", "net_best_fid.tar", "latest_backup.tar", "finest.tar")
"""In a run's `model` folder; the first is the released one of HumanML3D's masked transformer."""


@dataclass(frozen=True)
class Run:
    """A run's folder and the checkpoint in it."""

    folder: Path
    file: Path

    @property
    def options(self) -> dict[str, Any]:
        return read_options(self.folder)


def recognises(folder: Path) -> bool:
    """Whether this looks like MoMask's `checkpoints/t2m`."""
    return bool(_runs(folder, LAYOUT["masked"]))


def import_official(folder: Path, out: Path, towers: Callable[[], Towers], run: Path | None = None) -> None:
    """Write a model folder from an official one.

    towers: text encoders that it was trained with; asked for when all files are there. run: the masked transformer's
    folder, where there are several. Raises MoclipError when files are missing, damaged, not MoMask's or do not belong
    together; nothing is written then.
    """
    masked = run_at(run) if run else only_run(folder, "masked")
    residual = only_run(folder, "residual")
    rvq, length = codec_run(folder, [masked, residual]), only_run(folder, "length")
    own = towers()
    parts, body = codec_part(rvq)
    sizes = parts["rvq"].config
    assert isinstance(sizes, RVQConfig)
    parts = {
        "masked": transformer_part("masked", masked, sizes),
        "residual": transformer_part("residual", residual, sizes),
        "length": length_part(length),
        **parts,
    }
    sampling = {**asdict(OFFICIAL), "by_clause": False, "takes": 1}
    if body.folder == "kit":
        sampling["guidance"] = 2.0  # what its authors evaluate KIT-ML's with
    told = f"MoMask as released by its authors, from {folder.name}"
    write_model(out, Release("momask", parts, sampling, told, body.fps), own)


def run_at(folder: Path) -> Run:
    """The run in this folder. Raises MoclipError where there is none."""
    found = _runs(folder.parent, folder.name)
    if not found:
        raise refusal(f"There is no model/{FILES[0]} under {folder}.", "Give the folder of a run.")
    return found[0]


def only_run(folder: Path, network: str) -> Run:
    """The run of a network under a data set's folder. Raises MoclipError where there is none, or more than one."""
    pattern = LAYOUT[network]
    found = _runs(folder, pattern)
    if not found:
        raise refusal(f"There is no {pattern}/model/{_file(network)} under {folder}.", HINT)
    if len(found) > 1:
        names = ", ".join(run.folder.name for run in found)
        hint = "Say which by --run." if network == "masked" else "Move all but one of them away."
        raise refusal(f"There are several {pattern} under {folder}: {names}.", hint)
    return found[0]


def codec_run(folder: Path, users: Sequence[Run]) -> Run:
    """The codes' run that the opt.txt of those who use them names; the only one where it is not there.

    Raises MoclipError where they name different ones, and for several of which none is named.
    """
    found = _runs(folder, LAYOUT["rvq"])
    if not found:
        raise refusal(f"There is no {LAYOUT['rvq']}/model/{_file('rvq')} under {folder}.", HINT)
    wanted = {str(name): run for run in users if (name := run.options.get("vq_name"))}
    if len(wanted) > 1:
        listed = " and ".join(f"{run.folder.name} with {name}" for name, run in wanted.items())
        raise refusal(f"The transformers were trained with different codes: {listed}.", "Use two that belong together.")
    named = [run for run in found if run.folder.name in wanted]
    if named or len(found) == 1:
        return (named or found)[0]
    names = ", ".join(run.folder.name for run in found)
    if wanted:
        raise refusal(f"The codes {min(wanted)} are not under {folder}, only {names}.", "Copy that folder too.")
    raise refusal(
        f"There are several {LAYOUT['rvq']} under {folder}: {names}.",
        "Copy the transformers' opt.txt, which name theirs, or move all but one away.",
    )


def codec_part(run: Run) -> tuple[dict[str, Part], Body]:
    """The RVQ with the mean and std of its own training, and whose body it encodes."""
    state = read_state(run.file, ENTRIES["rvq"], "MoMask's")
    sizes = rvq_sizes(state, run)
    meta = run.folder / "meta"
    for name in ("mean", "std"):
        if not (meta / f"{name}.npy").is_file():
            raise refusal(
                f"There is no {run.folder.name}/meta/{name}.npy under {run.folder.parent}.",
                "Copy the whole rvq folder.",
            )
    mean, std = read_moments(meta / "mean.npy", meta / "std.npy", sizes.features)
    state.update(mean=torch.from_numpy(mean), std=torch.from_numpy(std))
    body = body_of(sizes.features)
    return {"rvq": Part(sizes, state, run.file, {"rotation_channels": "humanml3d", "fps": body.fps})}, body


def transformer_part(network: str, run: Run, rvq: RVQConfig) -> Part:
    """MoMask's masked or residual transformer."""
    state = without_tables(read_state(run.file, ENTRIES[network], "MoMask's"))
    return Part(transformer_sizes(state, rvq, run), state, run.file)


def length_part(run: Run) -> Part:
    state = read_state(run.file, ENTRIES["length"], "MoMask's")
    text, classes = (sized(state, f"output.{k}.weight", 2, run.file) for k in (0, 11))
    return Part(LengthConfig(text[1], classes[0]), state, run.file)


def rvq_sizes(state: Mapping[str, Tensor], run: Run) -> RVQConfig:
    """Sizes by the tensors; dilations and activation, which they do not tell, by opt.txt."""
    first = sized(state, "encoder.model.0.weight", 3, run.file)
    codebook = sized(state, "quantizer.layers.0.codebook", 2, run.file)
    options = run.options
    activation, norm, stride = (options.get(name) for name in ("vq_act", "vq_norm", "stride_t"))
    if activation is not None and activation not in ACTIVATIONS:
        raise refusal(
            f"The activation {activation} in {run.folder / 'opt.txt'} is not known.",
            f"Known are {', '.join(ACTIVATIONS)}.",
        )
    if norm is not None:
        raise refusal(f"The codes of {run.folder.name} use the norm {norm}; those without one can be imported.", HINT)
    if stride not in (None, 2):
        raise refusal(f"The codes of {run.folder.name} have a stride of {stride}; 2 can be imported.", HINT)
    features = first[1]
    return RVQConfig(
        features=features, joints=body_of(features).joints, width=first[0], codes=codebook[0], code_dim=codebook[1],
        quantizers=count_parts(state, "quantizer.layers.", 2), depth=count_parts(state, "encoder.model.2.1.model.", 5),
        down_t=count_parts((k for k in state if ".0.weight" in k and k.count(".") == 4), "encoder.model.", 2),
        dilation_growth=count_option(options, "dilation_growth_rate", 3, run.folder), activation=activation or "relu",
    )  # fmt: skip


def transformer_sizes(state: Mapping[str, Tensor], rvq: RVQConfig, run: Run) -> TransformerConfig:
    """Sizes by the tensors; the number of heads by opt.txt."""
    width = sized(state, "input_process.poseEmbedding.weight", 2, run.file)[0]
    shared = not any(name in state for name in ("output_proj_weight", "token_embed_weight"))
    return TransformerConfig(
        codes=rvq.codes, code_dim=rvq.code_dim, quantizers=rvq.quantizers,
        text_dim=sized(state, "cond_emb.weight", 2, run.file)[1], width=width,
        layers=max(1, count_parts(state, "seqTransEncoder.layers.", 2)),
        heads=heads_of(run.options, width, run.folder),
        feed_forward=sized(state, "seqTransEncoder.layers.0.linear1.weight", 2, run.file)[0],
        share_weight=shared, doubled_logits=not shared,
    )  # fmt: skip


def _runs(folder: Path, pattern: str) -> list[Run]:
    """Those that hold a checkpoint. Of KIT-ML's the best is released, of HumanML3D's masked transformer the latest."""
    order = FILES if folder.name != "kit" else (FILES[1], FILES[0], *FILES[2:])
    found = []
    for run in sorted(folder.glob(pattern)):
        files = [run / "model" / name for name in order if (run / "model" / name).is_file()]
        files += sorted((run / "model").glob("*.tar"))
        if files:
            found.append(Run(run, files[0]))
    return found


def _file(network: str) -> str:
    return {"masked": FILES[0], "length": "finest.tar"}.get(network, FILES[1])
