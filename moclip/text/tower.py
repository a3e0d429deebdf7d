# SPDX-License-Identifier: Apache-2.0
"""CLIP-style text towers: open_clip's own `TextTransformer` (causal mask, EOT pooling, projection) at any size."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from moclip.errors import MoclipError
from moclip.nn import checkpoint
from moclip.nn.config import Config, Count
from moclip.nn.networks import Network, restore

KIND = "text"


@dataclass(frozen=True)
class TowerConfig(Config):
    """Sizes of a text tower. The defaults are the embedded model's; `CLIP_B32` is OpenAI's ViT-B/32."""

    vocab_size: Count = 49408
    context_length: Count = 77
    width: Count = 256
    heads: Count = 4
    layers: Count = 4
    embed_dim: Count = 384
    quick_gelu: bool = False


CLIP_B32 = TowerConfig(width=512, heads=8, layers=12, embed_dim=512, quick_gelu=True)


class TextTower(Network):
    """Text tokens to one vector, and to one vector a token for generators that attend to words.

    The transformer is open_clip's, so state-dict names are those of an open_clip text model. Because its mask is
    causal and pooling reads the first EOT, tokens behind the batch's last EOT are cut: same results, much faster.
    """

    KIND = KIND
    CONFIG = TowerConfig
    config: TowerConfig

    def __init__(self, config: TowerConfig):
        super().__init__(config)
        from open_clip.transformer import QuickGELU, TextTransformer

        self.text = TextTransformer(
            context_length=config.context_length,
            vocab_size=config.vocab_size,
            width=config.width,
            heads=config.heads,
            layers=config.layers,
            output_dim=config.embed_dim,
            act_layer=QuickGELU if config.quick_gelu else nn.GELU,
        )

    def hidden(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """(normalised features (B, l, width) before the projection, EOT positions (B,)); tokens: (B, L) ids.

        l: the batch's last EOT position + 1.
        """
        ends = tokens.argmax(dim=-1)  # EOT has the highest id
        # An exported graph takes the length that it is given.
        if not (torch.compiler.is_compiling() or torch.jit.is_tracing()):  # type: ignore[attr-defined, no-untyped-call]
            tokens = tokens[:, : int(ends.max()) + 1]
        return self.words(tokens), ends

    def words(self, tokens: Tensor) -> Tensor:
        """Normalised features before the projection, (B, L, width), of all tokens (B, L), those behind the EOT too.

        Generators that attend to words have learned on 77 tokens, of which padding has states of its own: do not cut.
        """
        text, length = self.text, tokens.shape[1]
        x = text.token_embedding(tokens) + text.positional_embedding[:length]
        states: Tensor = text.ln_final(text.transformer(x, attn_mask=text.attn_mask[:length, :length]))
        return states

    def forward(self, tokens: Tensor) -> Tensor:
        """Pooled embeddings (B, D), not normalised, of tokens (B, L) with L at most the context length."""
        hidden, ends = self.hidden(tokens)
        rows = torch.arange(len(hidden), device=hidden.device)
        pooled: Tensor = hidden[rows, ends] @ self.text.text_projection
        return pooled

    def features(self, tokens: Tensor) -> Tensor:
        """One embedding a token, (B, L, D); zero behind each text's EOT. At the EOT it is the pooled embedding."""
        hidden, ends = self.hidden(tokens)
        projected: Tensor = hidden @ self.text.text_projection
        behind = torch.arange(projected.shape[1], device=ends.device)[None] > ends[:, None]
        result = projected.new_zeros(*tokens.shape, projected.shape[-1])
        result[:, : projected.shape[1]] = projected.masked_fill(behind[..., None], 0.0)
        return result


def fingerprint(tower: TextTower) -> str:
    """Sixteen hex digits naming these weights; the same for float16 on disk and float32 in use."""
    return checkpoint.fingerprint({name: tensor.detach().cpu().numpy() for name, tensor in tower.state_dict().items()})


def tower_config(config: TowerConfig) -> dict[str, Any]:
    """What a tower's weights file carries in its metadata."""
    return {"kind": KIND, **config.to_dict()}


def save_tower(tower: TextTower, path: Path, *, kept: str = "float16") -> None:
    """Write the tower as safetensors, in float16 unless told otherwise, with its config in the metadata."""
    checkpoint.save_weights(path, tower.state_dict(), tower_config(tower.config), kept=kept)


def load_tower(path: Path) -> TextTower:
    """A tower written by `save_tower`, in eval mode. Raises MoclipError for any other file."""
    arrays, config = checkpoint.load_weights(path)
    if config.get("kind") != KIND:
        raise MoclipError(
            f"The weights file {path} is not a text tower.",
            hint="Install the model again, or check the path.",
            code="bad_weights",
        )
    return restore(TextTower, config, arrays)


def load_open_clip_tower(name: str = "ViT-B-32-quickgelu", pretrained: str = "openai") -> TextTower:
    """The text tower of an open_clip model. pretrained: a tag ("openai", from the hub's cache or network) or a file.

    Raises MoclipError where the weights are neither on this machine nor to be downloaded.
    """
    return from_open_clip(_open_clip_model(name, pretrained))


def load_image_side(name: str, pretrained: str) -> dict[str, np.ndarray]:
    """The `visual.` tensors of an open_clip model, float32, by their names there. Raises as `load_open_clip_tower`."""
    state = _open_clip_model(name, pretrained).state_dict()
    return {name: tensor.float().numpy() for name, tensor in state.items() if name.startswith("visual.")}


def _open_clip_model(name: str, pretrained: str) -> nn.Module:
    import open_clip

    hint = (
        f"With internet access, `python -c \"import open_clip as o; o.create_model('{name}', pretrained='openai')\"` "
        "fetches the file once; else copy open_clip_model.safetensors here and name its path instead of 'openai'."
    )
    if pretrained not in open_clip.list_pretrained_tags_by_model(name) and not Path(pretrained).is_file():
        raise MoclipError(f"There is no file {pretrained} with weights for {name}.", hint=hint, code="no_text_encoder")
    logging.getLogger("huggingface_hub").setLevel(logging.CRITICAL)  # its retries would bury the one clear sentence
    try:
        model: nn.Module = open_clip.create_model(name, pretrained=pretrained)
        return model
    except (OSError, RuntimeError, ValueError) as error:  # no network, no such file on the hub, a foreign file
        raise MoclipError(
            f"The weights '{pretrained}' of the text encoder {name} are neither on this machine nor reachable.",
            hint=hint,
            code="no_text_encoder",
        ) from error


def from_open_clip(model: nn.Module) -> TextTower:
    """A copy of the text side of an open_clip CLIP model (of the built-in kind: causal, EOT-pooled, projected)."""
    parts: Any = model  # torch knows none of them by name
    embedding, positions = parts.token_embedding.weight, parts.positional_embedding
    first = parts.transformer.resblocks[0]
    config = TowerConfig(
        vocab_size=embedding.shape[0],
        context_length=positions.shape[0],
        width=embedding.shape[1],
        heads=first.attn.num_heads,
        layers=len(parts.transformer.resblocks),
        embed_dim=parts.text_projection.shape[1],
        quick_gelu=type(first.mlp.gelu).__name__ == "QuickGELU",
    )
    tower = TextTower(config)
    state = model.state_dict()
    tower.text.load_state_dict({name: state[name] for name in tower.text.state_dict()})
    return tower.eval()
