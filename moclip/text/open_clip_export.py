# SPDX-License-Identifier: Apache-2.0
"""A text tower as a folder that plain open_clip opens."""

import json
from pathlib import Path

import torch

from moclip.errors import MoclipError
from moclip.text.tower import CLIP_B32, TextTower, load_image_side

IMAGE_B32 = {"image_size": 224, "layers": 12, "width": 768, "patch_size": 32}
IMAGE_NONE = {"image_size": 32, "layers": 1, "width": 64, "patch_size": 32}
"""The smallest image side: open_clip has no model without one."""

_README = """# A text encoder fine-tuned on human motion (MoCLIP)

    import open_clip
    model = open_clip.create_model("local-dir:{name}")
    tokenizer = open_clip.get_tokenizer("local-dir:{name}")
    vectors = model.encode_text(tokenizer(["a person waves"]))

{image}
"""


def export_open_clip(tower: TextTower, folder: Path, image_side: str | None = None) -> None:
    """Write open_clip_config.json, open_clip_model.safetensors and a README.md.

    image_side: an open_clip tag or file of ViT-B/32, for a tower of that size; without it the image side is random and
    as small as can be. Raises MoclipError when that cannot be had, or for a tower of another size.
    """
    import open_clip
    from safetensors.torch import save_file

    config = tower.config
    if image_side and config != CLIP_B32:
        raise MoclipError(
            "An image side of ViT-B/32 fits text towers of that size only.",
            hint="Leave out --image-side.",
            code="bad_format",
        )
    model_config = {
        "embed_dim": config.embed_dim,
        "quick_gelu": config.quick_gelu,
        "vision_cfg": IMAGE_B32 if image_side is not None else IMAGE_NONE,
        "text_cfg": {
            "context_length": config.context_length,
            "vocab_size": config.vocab_size,
            "width": config.width,
            "heads": config.heads,
            "layers": config.layers,
        },
    }
    with torch.random.fork_rng():
        torch.manual_seed(0)
        state = open_clip.CLIP(**model_config).state_dict()
    state |= {name.removeprefix("text."): tensor for name, tensor in tower.state_dict().items()}
    if image_side is not None:
        state |= {n: torch.from_numpy(a) for n, a in load_image_side("ViT-B-32-quickgelu", image_side).items()}
    folder.mkdir(parents=True, exist_ok=True)
    preprocess = {"mean": [0.48145466, 0.4578275, 0.40821073], "std": [0.26862954, 0.26130258, 0.27577711]}
    described = {"model_cfg": model_config, "preprocess_cfg": preprocess}
    (folder / "open_clip_config.json").write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, folder / "open_clip_model.safetensors")
    image = (
        f"Its image side is {image_side}'s, which was not fine-tuned."
        if image_side is not None
        else "Only `encode_text` means anything: open_clip has no model without an image side, and this one is random."
    )
    (folder / "README.md").write_text(_README.format(name=folder.name, image=image), encoding="utf-8")
