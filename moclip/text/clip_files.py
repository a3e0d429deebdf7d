# SPDX-License-Identifier: Apache-2.0
"""OpenAI's ViT-B/32 as people have it: OpenAI's own archive, open_clip's files, a copy in a cache.

Only text tensors are read, and they are kept as exactly as they come.
"""

import json
import os
import socket
import urllib.parse
import urllib.request
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from moclip.errors import MoclipError
from moclip.text.tower import TextTower, TowerConfig

HEAD_WIDTH = 64
"""Of OpenAI's attention heads, whose number no tensor tells."""
OPENAI_FILE = "ViT-B-32.pt"
OPEN_CLIP_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
_HUGGING_FACE_FILES = ("model.safetensors", "pytorch_model.bin")
_HUB = (
    ("timm/vit_base_patch32_clip_224.openai", OPEN_CLIP_FILES),
    ("openai/clip-vit-base-patch32", _HUGGING_FACE_FILES),
)
_URL = (
    "https://openaipublic.azureedge.net/clip/models/"
    f"40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af/{OPENAI_FILE}"
)
_FORBID = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
_SECONDS = 3.0
"""To find out whether a network is there."""

_HUGGING_FACE_BLOCK = {
    "layer_norm1": "ln_1", "layer_norm2": "ln_2", "mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}  # fmt: skip
_HUGGING_FACE = {
    "text_model.embeddings.token_embedding.weight": "token_embedding.weight",
    "text_model.embeddings.position_embedding.weight": "positional_embedding",
    "text_model.final_layer_norm.weight": "ln_final.weight",
    "text_model.final_layer_norm.bias": "ln_final.bias",
}


def read_clip(path: Path) -> TextTower:
    """The text tower in a file or in a folder of open_clip's or Hugging Face's.

    Read are OpenAI's TorchScript archive, a state dict with OpenAI's names (open_clip's, and MoCLIP's .pth of its
    authors), and Hugging Face's names. Raises MoclipError, one sentence, for anything else.
    """
    if path.is_dir():
        names = (OPENAI_FILE, *OPEN_CLIP_FILES, *_HUGGING_FACE_FILES)
        found = next((path / name for name in names if (path / name).is_file()), None)
        if found is None:
            raise _no_clip(path, f"the folder has none of {', '.join(names)}")
        path = found
    if not path.is_file():
        raise MoclipError(
            f"There is no file {path} with CLIP's weights.",
            hint=f"Give the path of {OPENAI_FILE} or of {OPEN_CLIP_FILES[0]}.",
            code="no_text_encoder",
        )
    state = _openai_names(_state_of(path))
    quick, heads = _told_beside(path)
    return tower_of(state, path, quick_gelu=quick, heads=heads)


def find_clip() -> Path | None:
    """A copy of OpenAI's ViT-B/32 in the caches of `clip`, open_clip and Hugging Face."""
    own = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "clip" / OPENAI_FILE
    for path in dict.fromkeys((own, Path.home() / ".cache" / "clip" / OPENAI_FILE)):
        if path.is_file():
            return path
    try:
        from huggingface_hub import try_to_load_from_cache
    except ImportError:
        return None
    for repository, names in _HUB:
        for name in names:
            cached = try_to_load_from_cache(repository, name)
            if isinstance(cached, str) and Path(cached).is_file():
                return Path(cached)
    return None


def load_clip() -> TextTower:
    """OpenAI's ViT-B/32 from a cache, else fetched once by open_clip.

    Raises MoclipError at once where neither can be, and says which file to put where.
    """
    cached = find_clip()
    if cached is not None:
        return read_clip(cached)
    if not hub_is_reachable():
        place = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "clip" / OPENAI_FILE
        raise MoclipError(
            "OpenAI's text encoder ViT-B/32 is not on this machine, and the Hugging Face hub cannot be reached.",
            hint=f"Put {OPENAI_FILE} ({_URL}) at {place}, or give its path, or that of open_clip's "
            f"{OPEN_CLIP_FILES[0]}, by --clip.",
            code="no_text_encoder",
        )
    from moclip.text.tower import load_open_clip_tower

    return load_open_clip_tower()


def hub_is_reachable(seconds: float = _SECONDS) -> bool:
    """Whether the Hugging Face hub answers, directly or by the proxy that is set. False where the user forbids it."""
    if any(os.environ.get(name, "").upper() in ("1", "ON", "YES", "TRUE") for name in _FORBID):
        return False
    address = urllib.parse.urlparse(os.environ.get("HF_ENDPOINT") or "https://huggingface.co")
    proxy = urllib.request.getproxies().get(address.scheme)
    if proxy and not urllib.request.proxy_bypass(address.hostname or ""):
        address = urllib.parse.urlparse(proxy if "://" in proxy else f"http://{proxy}")
    try:
        port = address.port or (80 if address.scheme == "http" else 443)
        with socket.create_connection((address.hostname or "", port), timeout=seconds):
            return True
    except (OSError, ValueError):
        return False


def tower_of(
    state: Mapping[str, Tensor], path: Path, *, quick_gelu: bool = True, heads: int | None = None
) -> TextTower:
    """The tower of text tensors under OpenAI's names; others are left alone. Raises MoclipError for one that is amiss.

    path: where they come from, for messages.
    """
    words, places = state.get("token_embedding.weight"), state.get("positional_embedding")
    projection = state.get("text_projection")
    if words is None or places is None or projection is None or not (words.ndim == places.ndim == projection.ndim == 2):
        raise _no_clip(path, "it has no token_embedding.weight, positional_embedding and text_projection")
    blocks = {name.split(".")[2] for name in state if name.startswith("transformer.resblocks.")}
    width = words.shape[1]
    config = TowerConfig(
        vocab_size=words.shape[0], context_length=places.shape[0], width=width,
        heads=heads or max(1, width // HEAD_WIDTH), layers=max(1, len(blocks)), embed_dim=projection.shape[1],
        quick_gelu=quick_gelu,
    )  # fmt: skip
    if config.width % config.heads:
        raise _no_clip(path, f"its width {config.width} does not divide among {config.heads} heads")
    tower = TextTower(config)
    kept = {}
    for name, own in tower.state_dict().items():
        theirs = state.get(name.removeprefix("text."))
        if theirs is None:
            raise _no_clip(path, f"it lacks the tensor {name.removeprefix('text.')}")
        if theirs.shape != own.shape:
            shapes = f"{tuple(theirs.shape)}, not {tuple(own.shape)}"
            raise _no_clip(path, f"{name.removeprefix('text.')} has the shape {shapes}")
        if theirs.is_floating_point() and not torch.isfinite(theirs).all():
            raise _no_clip(path, f"{name.removeprefix('text.')} holds numbers that are not finite")
        kept[name] = theirs.float()
    tower.load_state_dict(kept)
    return tower.eval().requires_grad_(False)


def _state_of(path: Path) -> dict[str, Tensor]:
    """All tensors of a file, whichever kind it is."""
    try:
        if path.suffix == ".safetensors":
            from safetensors.numpy import load_file

            return {name: torch.from_numpy(np.array(array)) for name, array in load_file(str(path)).items()}
        content = _archive(path) or torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001 (torch raises many kinds for a damaged or unsafe file)
        raise _no_clip(path, "it is damaged or holds more than tensors") from error
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]  # of open_clip's training
    if not isinstance(content, Mapping):
        raise _no_clip(path, "it is no state dict")
    return {str(name).removeprefix("module."): t for name, t in content.items() if isinstance(t, Tensor)}


def _archive(path: Path) -> dict[str, Tensor] | None:
    """The tensors of a TorchScript archive, which OpenAI's own file is; None for another file."""
    import zipfile

    if not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as file:
        if not any(name.endswith("/constants.pkl") or "/code/" in name for name in file.namelist()):
            return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch would rather have another format
        module: Any = torch.jit.load(str(path), map_location="cpu")
    return dict(module.state_dict())


def _openai_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Of Hugging Face's names; OpenAI's stay as they are."""
    if not any(name.startswith("text_model.") for name in state):
        return {name.removeprefix("text."): tensor for name, tensor in state.items()}
    named = {own: state[theirs] for theirs, own in _HUGGING_FACE.items() if theirs in state}
    if "text_projection.weight" in state:
        named["text_projection"] = state["text_projection.weight"].t()
    layers = {name.split(".")[3] for name in state if name.startswith("text_model.encoder.layers.")}
    for layer in layers:
        theirs, own = f"text_model.encoder.layers.{layer}", f"transformer.resblocks.{layer}"
        for end in ("weight", "bias"):
            parts = [state.get(f"{theirs}.self_attn.{part}_proj.{end}") for part in "qkv"]
            if all(part is not None for part in parts):
                named[f"{own}.attn.in_proj_{end}"] = torch.cat([part for part in parts if part is not None])
            for old, new in _HUGGING_FACE_BLOCK.items():
                if f"{theirs}.{old}.{end}" in state:
                    named[f"{own}.{new}.{end}"] = state[f"{theirs}.{old}.{end}"]
    return named


def _told_beside(path: Path) -> tuple[bool, int | None]:
    """Activation and heads by an open_clip_config.json beside the file; else OpenAI's own."""
    if "clip_224.openai" in str(path):  # a copy of the hub's, whatever its description leaves out
        return True, None
    try:
        told = json.loads((path.parent / "open_clip_config.json").read_text(encoding="utf-8"))["model_cfg"]
        return bool(told.get("quick_gelu", False)), int(told["text_cfg"]["heads"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return True, None


def _no_clip(path: Path, why: str) -> MoclipError:
    return MoclipError(
        f"The file {path} is no CLIP text encoder: {why}.",
        hint=f"Give OpenAI's {OPENAI_FILE}, or open_clip's {OPEN_CLIP_FILES[0]}.",
        code="no_text_encoder",
    )
