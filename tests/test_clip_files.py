# SPDX-License-Identifier: Apache-2.0
"""OpenAI's text encoder in every form that people have it in, made here at a small size."""

import json
import warnings
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="text towers need PyTorch")
pytest.importorskip("open_clip", reason="the text tower is open_clip's")

from safetensors.torch import save_file  # noqa: E402
from torch import nn  # noqa: E402

from moclip.errors import MoclipError  # noqa: E402
from moclip.text import clip_files  # noqa: E402
from moclip.text.clip_files import find_clip, hub_is_reachable, load_clip, read_clip  # noqa: E402
from moclip.text.open_clip_export import export_open_clip  # noqa: E402
from moclip.text.tower import TextTower, TowerConfig  # noqa: E402

SIZES = TowerConfig(width=128, heads=2, layers=2, embed_dim=16, quick_gelu=True)


@pytest.fixture
def tower() -> TextTower:
    torch.manual_seed(0)
    return TextTower(SIZES).eval()


@pytest.fixture
def state(tower) -> dict[str, torch.Tensor]:
    own = {name.removeprefix("text."): tensor.half().float() for name, tensor in tower.state_dict().items()}
    tower.load_state_dict({f"text.{name}": tensor for name, tensor in own.items()})
    return {**own, "visual.proj": torch.zeros(3, 4), "logit_scale": torch.tensor(4.6)}


def same(found: TextTower, tower: TextTower) -> bool:
    tokens = torch.tensor([[49406, 320, 2533, 4160, 49407, 0]])
    with torch.no_grad():
        return found.config == tower.config and torch.equal(found(tokens), tower(tokens))


class Archive(nn.Module):
    """A module with these tensors, to be traced: OpenAI's file is such an archive, in half precision."""

    def __init__(self, state: dict[str, torch.Tensor]):
        super().__init__()
        for name, tensor in state.items():
            *path, last = name.split(".")
            module: nn.Module = self
            for part in path:
                if not hasattr(module, part):
                    module.add_module(part, nn.Module())
                module = getattr(module, part)
            module.register_parameter(last, nn.Parameter(tensor.half()))

    def forward(self, x):
        return x + self.logit_scale


def test_openais_own_archive_is_read_in_full_precision(tower, state, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(Archive(state), torch.zeros(1)).save(str(tmp_path / "ViT-B-32.pt"))
    found = read_clip(tmp_path / "ViT-B-32.pt")
    assert same(found, tower) and found.text.text_projection.dtype == torch.float32
    assert same(read_clip(tmp_path), tower)


def test_open_clips_files_are_read_with_what_lies_beside_them(tower, state, tmp_path):
    save_file(state, tmp_path / "open_clip_model.safetensors")
    assert same(read_clip(tmp_path / "open_clip_model.safetensors"), tower)
    torch.save({"state_dict": {f"module.{n}": t for n, t in state.items()}, "epoch": 3}, tmp_path / "epoch_3.pt")
    assert same(read_clip(tmp_path / "epoch_3.pt"), tower)
    other = TextTower(replace(SIZES, quick_gelu=False, heads=4)).eval()
    export_open_clip(other, tmp_path / "exported")
    assert same(read_clip(tmp_path / "exported"), other)


def test_hugging_faces_names_are_read(tower, state, tmp_path):
    renamed = {
        "text_model.embeddings.token_embedding.weight": state["token_embedding.weight"],
        "text_model.embeddings.position_embedding.weight": state["positional_embedding"],
        "text_model.final_layer_norm.weight": state["ln_final.weight"],
        "text_model.final_layer_norm.bias": state["ln_final.bias"],
        "text_projection.weight": state["text_projection"].t(),
    }
    for k in range(SIZES.layers):
        own, theirs = f"transformer.resblocks.{k}", f"text_model.encoder.layers.{k}"
        for end in ("weight", "bias"):
            parts = state[f"{own}.attn.in_proj_{end}"].chunk(3)
            renamed |= {f"{theirs}.self_attn.{n}_proj.{end}": t for n, t in zip("qkv", parts, strict=True)}
            renamed[f"{theirs}.self_attn.out_proj.{end}"] = state[f"{own}.attn.out_proj.{end}"]
            renamed |= {f"{theirs}.layer_norm{n}.{end}": state[f"{own}.ln_{n}.{end}"] for n in (1, 2)}
            renamed |= {
                f"{theirs}.mlp.fc{n}.{end}": state[f"{own}.mlp.c_{part}.{end}"] for n, part in ((1, "fc"), (2, "proj"))
            }
    save_file({n: t.contiguous() for n, t in renamed.items()}, tmp_path / "model.safetensors")
    assert same(read_clip(tmp_path), tower)


def test_copies_in_caches_are_found_and_read(tower, state, tmp_path, monkeypatch):
    import huggingface_hub

    cached = tmp_path / "hub/open_clip_model.safetensors"
    cached.parent.mkdir()
    save_file(state, cached)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(
        huggingface_hub,
        "try_to_load_from_cache",
        lambda repository, name: str(cached) if repository.startswith("timm") and name == cached.name else None,
    )
    assert find_clip() == cached and same(load_clip(), tower)
    own = tmp_path / "cache/clip/ViT-B-32.pt"
    own.parent.mkdir(parents=True)
    torch.save(state, own)
    assert find_clip() == own and same(load_clip(), tower)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda s: s.pop("text_projection"), "has no token_embedding.weight"),
        (lambda s: s.pop("transformer.resblocks.1.ln_1.bias"), "lacks the tensor transformer.resblocks.1.ln_1.bias"),
        (lambda s: s.update({"ln_final.bias": torch.zeros(3)}), r"ln_final.bias has the shape \(3,\)"),
        (lambda s: s["ln_final.bias"].fill_(torch.inf), "ln_final.bias holds numbers that are not finite"),
    ],
)
def test_what_is_no_clip_is_one_sentence(state, tmp_path, spoil, sentence):
    spoil(state)
    torch.save(state, tmp_path / "clip.pt")
    with pytest.raises(MoclipError, match=sentence) as caught:
        read_clip(tmp_path / "clip.pt")
    assert caught.value.hint and "\n" not in str(caught.value)


def test_junk_and_nothing_are_one_sentence(tmp_path):
    (tmp_path / "clip.pt").write_bytes(b"PK\x03\x04 junk")
    with pytest.raises(MoclipError, match="damaged"):
        read_clip(tmp_path / "clip.pt")
    with pytest.raises(MoclipError, match="There is no file"):
        read_clip(tmp_path / "nowhere.pt")
    (tmp_path / "empty").mkdir()
    with pytest.raises(MoclipError, match="the folder has none of ViT-B-32.pt"):
        read_clip(tmp_path / "empty")
    (tmp_path / "odd.json").write_text(json.dumps({}))
    with pytest.raises(MoclipError, match="damaged"):
        read_clip(tmp_path / "odd.json")


def test_without_a_network_it_fails_at_once(monkeypatch, tmp_path):
    monkeypatch.setattr(clip_files, "find_clip", lambda: None)
    # Nothing listens there; a real attempt would go through the hub's retries.
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    assert not hub_is_reachable()
    with pytest.raises(MoclipError, match="not on this machine") as caught:
        load_clip()
    assert caught.value.code == "no_text_encoder" and "ViT-B-32.pt" in caught.value.hint
