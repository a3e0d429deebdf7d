# SPDX-License-Identifier: Apache-2.0
"""Official BAMM checkpoints to a model folder of ours.

BAMM's own run lies under `log/t2m/t2m` (or `log/t2m/kit`); tokenizer, residual transformer and length estimator are
MoMask's, under `checkpoints/t2m` (or `kit`). Names in the state dicts are equal to ours.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

from torch import Tensor

from moclip.codecs.config import RVQConfig
from moclip.generators.bamm.config import BammConfig
from moclip.generators.bamm.options import OFFICIAL
from moclip.generators.base.released import (
    count_parts,
    heads_of,
    read_options,
    read_state,
    refusal,
    sized,
    without_tables,
)
from moclip.generators.momask.official import (
    Run,
    codec_part,
    codec_run,
    length_part,
    only_run,
    transformer_part,
)
from moclip.releases import Part, Release, Towers, write_model

RUNS = ("log/t2m/t2m", "log/t2m/kit", "log/kit/kit", "log/kit", "log/t2m", ".")
"""Where, under the folder, runs of BAMM may lie; the first that holds one is taken."""
SETS = ("checkpoints/t2m", "checkpoints/kit")
_FILES = ("model/latest.tar", "model/net_best_fid.tar")
_MOMASK = ("rvq_", "t2m_", "tres_", "length_estimator", "text_mot_match", "Comp_v6")


def recognises(folder: Path) -> bool:
    """Whether a run of BAMM lies here."""
    return bool(_runs(folder))


def import_official(folder: Path, out: Path, towers: Callable[[], Towers], run: Path | None = None) -> None:
    """Write a model folder from an official one.

    folder: BAMM's own with `log` and `checkpoints` in it, or one in which the run lies beside MoMask's folders.
    towers: text encoders that it was trained with; asked for when all files are there. run: the folder of the run,
    where there are several. Raises MoclipError when files are missing, damaged, not BAMM's or do not belong together;
    nothing is written then.
    """
    own_run = _run(run or _only_run(folder))
    shared = _shared(folder, own_run)
    residual, length = only_run(shared, "residual"), only_run(shared, "length")
    rvq = codec_run(shared, [own_run, residual])
    own = towers()
    parts, body = codec_part(rvq)
    sizes = parts["rvq"].config
    assert isinstance(sizes, RVQConfig)
    state = without_tables(read_state(own_run.file, ("t2m_transformer", "trans"), "BAMM's"))
    bamm = _sizes(state, own_run)
    if bamm.codes != sizes.codes:
        raise refusal(
            f"The run {own_run.folder.name} predicts {bamm.codes + 1} tokens; BAMM's are the {sizes.codes} codes of "
            "its tokenizer and END.",
            "Use the rvq folder that it was trained with; a transformer of MoMask's is imported as MoMask.",
        )
    parts = {
        "bamm": Part(bamm, state, own_run.file),
        "residual": transformer_part("residual", residual, sizes),
        "length": length_part(length),
        **parts,
    }
    sampling = asdict(OFFICIAL)
    if body.folder == "kit":
        sampling["guidance"] = 2.0  # what its authors evaluate KIT-ML's with
    told = f"BAMM as released by its authors, from {own_run.folder.name}"
    write_model(out, Release("bamm", parts, sampling, told, body.fps), own)


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
            "Say which by --run, or point to a folder with one of them.",
        )
    if not found:
        raise refusal(
            f"There is no run of BAMM with a {_FILES[0]} under {folder}.",
            "Copy the run (2024-02-14-14-27-29_8_GPT_officialTrans_2iterPrdictEnd) to log/t2m/t2m.",
        )
    return found[0]


def _run(folder: Path) -> Run:
    path = next((folder / name for name in _FILES if (folder / name).is_file()), None)
    if path is None:
        raise refusal(f"There is no {_FILES[0]} under {folder}.", "Copy the whole folder of the run.")
    return Run(folder, path)


def _shared(folder: Path, run: Run) -> Path:
    """Where MoMask's networks lie: beside the run, or under `checkpoints` by the data set that the run names."""
    found = [folder / place for place in SETS if (folder / place).is_dir()]
    named = run.options.get("dataset_name")
    kit = named == "kit" or "kit" in run.folder.name.lower().split("_") or run.folder.parent.name == "kit"
    chosen = [place for place in found if (place.name == "kit") == kit] or found
    return chosen[0] if chosen else folder


def _sizes(state: Mapping[str, Tensor], run: Run) -> BammConfig:
    """Sizes as the tensors have them; the number of heads, which no tensor tells, from the run's opt.txt."""
    width, text_dim = sized(state, "cond_emb.weight", 2, run.file)
    variant = "official" if any(name.startswith("seqTransEncoder.layers.") for name in state) else "t2mgpt"
    first = "layers.0.linear1" if variant == "official" else "blocks.0.mlp.0"
    return BammConfig(
        codes=sized(state, "output_process.poseFinal.weight", 2, run.file)[0] - 1,
        code_dim=sized(state, "token_emb.weight", 2, run.file)[1], text_dim=text_dim, width=width, variant=variant,
        layers=count_parts(state, f"seqTransEncoder.{first.split('.')[0]}.", 2),
        feed_forward=sized(state, f"seqTransEncoder.{first}.weight", 2, run.file)[0],
        heads=heads_of(read_options(run.folder), width, run.folder),
    )  # fmt: skip
