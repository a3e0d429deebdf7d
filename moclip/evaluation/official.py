# SPDX-License-Identifier: Apache-2.0
"""The evaluator that papers measure by, as its authors released it: `text_mot_match`, its mean and std, GloVe's words.

It reads HumanML3D's features or KIT-ML's. Its mean and std are not those of the published data sets, so features are
taken to their own units first.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from moclip.errors import MoclipError
from moclip.evaluation.evaluator import CONTACTS, Evaluator, EvaluatorConfig
from moclip.evaluation.words import WordTable, glove_table
from moclip.generators.base.released import body_of, read_entries, read_moments, refusal, sized, state_of

CHECKPOINT = "text_mot_match/model/finest.tar"
META = ("Comp_v6_KLD005/meta/{}.npy", "t2m_{}.npy", "kit_{}.npy", "text_mot_match/meta/{}.npy")
"""Where mean and std lie; the second and third are the names of the same files in other releases."""
GLOVE = ("glove", "../glove", "../../glove")
"""Where the words lie, seen from checkpoints/t2m."""
PARTS = ("movement_encoder", "text_encoder", "motion_encoder")
_HINT = "Point to MoMask's checkpoints/t2m or checkpoints/kit folder."


def is_official(path: Path) -> bool:
    """Whether this names a released evaluator: its folder, or the checkpoint itself."""
    return path.is_dir() or path.suffix == ".tar"


def load_official_folder(folder: Path, words: set[str], glove: Path | None = None) -> Evaluator:
    """The evaluator in MoMask's `checkpoints/t2m` (or `kit`), for captions of these words.

    glove: the folder with our_vab_*, by default beside the checkpoints. Raises MoclipError for what is missing, damaged
    or does not belong together.
    """
    if folder.suffix == ".tar":
        folder = folder.parents[2] if len(folder.parents) > 2 else folder.parent
    checkpoint = folder / CHECKPOINT
    if not checkpoint.is_file():
        raise refusal(f"There is no {CHECKPOINT} under {folder}.", _HINT)
    mean, std = (_meta(folder, name) for name in ("mean", "std"))
    table = glove_table(glove or _glove(folder), words)
    features = sized(_state(checkpoint), "movement_encoder.main.0.weight", 3, checkpoint)[1] + CONTACTS
    body_of(features)
    return load_official(checkpoint, table, *read_moments(mean, std, features))


def load_official(checkpoint: Path, table: WordTable, mean: np.ndarray, std: np.ndarray) -> Evaluator:
    """The released evaluator: `text_mot_match/model/finest.tar`, GloVe words, mean and std of `Comp_v6_KLD005/meta`.

    Sizes are read off the tensors. Raises MoclipError for a file that is damaged or holds other networks.
    """
    state = _state(checkpoint)
    first = sized(state, "movement_encoder.main.0.weight", 3, checkpoint)
    config = EvaluatorConfig(
        features=first[1] + CONTACTS, word_dim=table.vectors.shape[1], movement=first[0],
        text_hidden=sized(state, "text_encoder.hidden", 3, checkpoint)[2],
        motion_hidden=sized(state, "motion_encoder.hidden", 3, checkpoint)[2],
        embed_dim=sized(state, "text_encoder.output_net.3.weight", 2, checkpoint)[0], masked=False,
    )  # fmt: skip
    network = Evaluator(config, table, mean, std)
    own = network.state_dict()
    given = {**state, **{name: own[name] for name in ("mean", "std", "words")}}
    for name, tensor in own.items():
        if name not in given or given[name].shape != tensor.shape:
            shape = f"has {name} with the shape {tuple(given[name].shape)}" if name in given else f"lacks {name}"
            raise refusal(
                f"The checkpoint {checkpoint} is not the official evaluator for words of {config.word_dim} numbers: it "
                f"{shape}.",
                f"Point to {CHECKPOINT}, and give the GloVe table (300 numbers a word).",
            )
    network.load_state_dict({name: given[name] for name in own})
    return network.eval().requires_grad_(False)


def _state(checkpoint: Path) -> dict[str, torch.Tensor]:
    content = read_entries(checkpoint)
    missing = [part for part in PARTS if part not in content]
    if missing:
        raise refusal(
            f"The checkpoint {checkpoint} is not the official evaluator: it has no entry {missing[0]}.", _HINT
        )
    parts = {part: state_of(content[part], checkpoint, part) for part in PARTS}
    return {f"{part}.{name}": tensor for part, state in parts.items() for name, tensor in state.items()}


def _meta(folder: Path, name: str) -> Path:
    return _first(folder, [pattern.format(name) for pattern in META], "Copy the Comp_v6_KLD005 folder there.")


def _glove(folder: Path) -> Path:
    found = next((place for near in GLOVE if (place := folder.resolve() / near).is_dir()), None)
    if found is None:
        raise MoclipError(
            f"The evaluator in {folder} reads words by GloVe, and there is no folder glove beside it.",
            hint="Give the folder with our_vab_data.npy, our_vab_words.pkl and our_vab_idx.pkl by --glove.",
            code="bad_glove",
        )
    return found


def _first(folder: Path, names: Sequence[str], hint: str) -> Path:
    found = next((folder / name for name in names if (folder / name).is_file()), None)
    if found is None:
        raise refusal(f"There is no {names[0]} under {folder}.", hint)
    return found
