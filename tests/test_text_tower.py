# SPDX-License-Identifier: Apache-2.0
"""The text tower against open_clip's own forward pass, its files, and the parts of its distillation."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
open_clip = pytest.importorskip("open_clip", reason="open_clip is not installed")

from moclip.errors import MoclipError  # noqa: E402
from moclip.nn.checkpoint import load_weights, save_weights  # noqa: E402
from moclip.text.tokenizer import Tokenizer  # noqa: E402
from moclip.text.tower import (  # noqa: E402
    CLIP_B32,
    TextTower,
    TowerConfig,
    fingerprint,
    from_open_clip,
    load_open_clip_tower,
    load_tower,
    save_tower,
)

SMALL = TowerConfig(width=32, heads=2, layers=2, embed_dim=24)
TEXTS = ["a person walks", "a person walks forward and then waves with the left hand", "jump"]


@pytest.fixture(scope="module")
def tower() -> TextTower:
    torch.manual_seed(0)
    return TextTower(SMALL).eval()


@pytest.fixture(scope="module")
def tokens() -> torch.Tensor:
    return torch.from_numpy(Tokenizer().encode(TEXTS))


@torch.no_grad()
def test_cut_tokens_give_open_clips_own_result(tower, tokens):
    torch.testing.assert_close(tower(tokens), tower.text(tokens), atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_a_text_alone_equals_the_text_in_a_batch(tower, tokens):
    torch.testing.assert_close(tower(tokens[:1]), tower(tokens)[:1], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(tower(tokens[2:, :3]), tower(tokens)[2:], atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_features_end_in_the_pooled_vector_and_are_zero_behind_it(tower, tokens):
    features, pooled = tower.features(tokens), tower(tokens)
    assert features.shape == (3, 77, 24)
    for row, end in enumerate(tokens.argmax(1)):
        torch.testing.assert_close(features[row, end], pooled[row])
        assert features[row, end + 1 :].abs().sum() == 0
        assert (features[row, : end + 1].abs().sum(-1) > 0).all()


@torch.no_grad()
def test_from_open_clip_reproduces_its_text_encoder(tokens):
    text = {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2}
    vision = {"image_size": 32, "layers": 1, "width": 32, "patch_size": 16, "head_width": 16}
    torch.manual_seed(1)
    model = open_clip.CLIP(embed_dim=24, vision_cfg=vision, text_cfg=text, quick_gelu=True).eval()
    copied = from_open_clip(model)
    assert copied.config == TowerConfig(width=32, heads=2, layers=2, embed_dim=24, quick_gelu=True)
    torch.testing.assert_close(copied(tokens), model.encode_text(tokens), atol=1e-5, rtol=1e-5)


def test_official_config_has_clips_names_and_shapes():
    with torch.device("meta"):
        shapes = {name: tuple(p.shape) for name, p in TextTower(CLIP_B32).text.state_dict().items()}
    assert shapes["token_embedding.weight"] == (49408, 512)
    assert shapes["positional_embedding"] == (77, 512)
    assert shapes["text_projection"] == (512, 512)
    assert shapes["transformer.resblocks.11.mlp.c_fc.weight"] == (2048, 512)
    assert len([n for n in shapes if n.endswith("attn.in_proj_weight")]) == 12


def test_file_keeps_config_and_fingerprint_though_it_is_float16(tower, tmp_path):
    path = tmp_path / "tower.safetensors"
    save_tower(tower, path)
    loaded = load_tower(path)
    assert loaded.config == SMALL and not loaded.training
    assert fingerprint(loaded) == fingerprint(tower) and len(fingerprint(tower)) == 16
    with torch.no_grad():
        loaded.text.positional_embedding[0, 0] += 0.01
    assert fingerprint(loaded) != fingerprint(tower)


def test_foreign_and_cut_files_are_refused(tower, tmp_path):
    save_weights(tmp_path / "other.safetensors", {"x": np.zeros(3)}, {"kind": "rvq"})
    with pytest.raises(MoclipError, match="not a text tower"):
        load_tower(tmp_path / "other.safetensors")
    save_tower(tower, tmp_path / "cut.safetensors")
    arrays, config = load_weights(tmp_path / "cut.safetensors")
    arrays.pop(next(iter(arrays)))
    save_weights(tmp_path / "less.safetensors", arrays, config)
    with pytest.raises(MoclipError, match="do not fit"):
        load_tower(tmp_path / "less.safetensors")


def test_open_clip_weights_that_are_absent_say_where_to_put_them(tmp_path):
    with pytest.raises(MoclipError) as caught:
        load_open_clip_tower("ViT-B-32-quickgelu", str(tmp_path / "open_clip_model.safetensors"))
    assert caught.value.code == "no_text_encoder"
    assert "open_clip_model.safetensors" in str(caught.value)
