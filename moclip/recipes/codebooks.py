# SPDX-License-Identifier: Apache-2.0
"""What is done to a codec's codebooks once it is trained."""

from pathlib import Path

from moclip.codecs.root_weight import add_layers, weigh_root
from moclip.codecs.rvq import RVQ
from moclip.codecs.train import CODEC_KINDS
from moclip.data.clips import load_clips
from moclip.data.folder import DatasetFolder
from moclip.nn.checkpoint import save_weights
from moclip.nn.networks import restore
from moclip.recipes.recipe import LearnerTable
from moclip.recipes.work import need


def finish_codebooks(dataset: DatasetFolder, work: Path, part: LearnerTable, layers: int) -> None:
    """Give the root's course its weight in `rvq.safetensors`, and add finer layers up to so many, each once."""
    arrays, config = need(work, "rvq")
    weigh = part.root_weight and config.get("root_weight") != part.root_weight
    # A codec that was given more of them before keeps them.
    add = max(0, layers - config["quantizers"]) if part.added_layers else 0
    if not weigh and not add:
        return
    network = restore(RVQ, config, arrays).eval()
    clips = load_clips(dataset, "train", kinds=set(CODEC_KINDS)).emphasised(part.emphasis)
    if weigh:
        weigh_root(network, clips, part.root_weight, part.schedule.seed)
        config["root_weight"] = part.root_weight
    if add:
        add_layers(network, clips, add, part.schedule.seed)
        config["quantizers"] = layers
    save_weights(work / "rvq.safetensors", network.state_dict(), config)
