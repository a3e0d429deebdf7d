# SPDX-License-Identifier: Apache-2.0
"""Released checkpoints as people have them: opt.txt, both bodies, both kinds of tables, every way to be amiss."""

import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="importing checkpoints needs PyTorch")
pytest.importorskip("open_clip", reason="the text tower is open_clip's")

import torch.nn.functional as F  # noqa: E402
from official_folder import (  # noqa: E402
    CODES,
    DIM,
    LAYERS_OF_CODES,
    TEXT,
    WIDTH,
    masked_state,
    residual_state,
    rvq_shapes,
    weights,
    write,
    write_momask,
    write_rvq,
)
from safetensors import safe_open  # noqa: E402
from typer.testing import CliRunner  # noqa: E402

from moclip.errors import MoclipError  # noqa: E402
from moclip.generate.pipeline import Request, TextToMotion  # noqa: E402
from moclip.generators.importing import import_released  # noqa: E402
from moclip.models import load_model, model_info, verify_model  # noqa: E402
from moclip.nn.checkpoint import load_weights, save_weights  # noqa: E402
from moclip.nn.layers import sinusoids  # noqa: E402
from moclip.runtimes.torch_runtime import TorchRuntime  # noqa: E402
from moclip.text.tower import TextTower, TowerConfig, save_tower  # noqa: E402
from moclip_backend.commands.models import app  # noqa: E402

TOWER = TowerConfig(width=32, heads=2, layers=1, embed_dim=TEXT, quick_gelu=True)


@cache
def tower() -> TextTower:
    return TextTower(TOWER)


def imported(folder, out, **told):
    import_released(folder, out, tower(), **told)
    return load_model(str(out))


def body_reference(state, tokens, prefix, padding, heads):
    """MoMask's transformer from torch's own encoder: sequence first, text and layer in front without a position."""
    layer = torch.nn.TransformerEncoderLayer(WIDTH, heads, 40, 0.0, "gelu")
    encoder = torch.nn.TransformerEncoder(layer, 2, enable_nested_tensor=False).eval()
    own = {k.removeprefix("seqTransEncoder."): v for k, v in state.items() if k.startswith("seqTransEncoder.")}
    encoder.load_state_dict(own)
    x = F.linear(tokens, state["input_process.poseEmbedding.weight"], state["input_process.poseEmbedding.bias"])
    x = (x + sinusoids(tokens.shape[1], WIDTH)).transpose(0, 1)
    x = torch.cat([torch.stack(prefix), x])
    hidden = torch.cat([torch.zeros(len(padding), len(prefix), dtype=torch.bool), padding], dim=1)
    x = encoder(x, src_key_padding_mask=hidden)[len(prefix) :].transpose(0, 1)
    part = "output_process."
    x = F.gelu(F.linear(x, state[part + "dense.weight"], state[part + "dense.bias"]))
    x = F.layer_norm(x, (WIDTH,), state[part + "LayerNorm.weight"], state[part + "LayerNorm.bias"], 1e-12)
    return F.linear(x, state[part + "poseFinal.weight"], state[part + "poseFinal.bias"])


def rvq_reference(state, codes, growth, activation):
    """MoMask's decoder from the section of its paper's code that says it: dilations fall, upsampling is nearest."""
    x = sum(state[f"quantizer.layers.{q}.codebook"][codes[..., q]] for q in range(LAYERS_OF_CODES)).transpose(1, 2)

    def conv(x, name, **how):
        return F.conv1d(x, state[f"decoder.model.{name}.weight"], state[f"decoder.model.{name}.bias"], **how)

    x = F.relu(conv(x, "0", padding=1))
    for k in (2, 3):
        for block, dilation in enumerate((growth, 1)):
            inner = conv(activation(x), f"{k}.0.model.{block}.conv1", padding=dilation, dilation=dilation)
            x = x + conv(activation(inner), f"{k}.0.model.{block}.conv2")
        x = conv(F.interpolate(x, scale_factor=2, mode="nearest"), f"{k}.2", padding=1)
    return conv(F.relu(conv(x, "4", padding=1)), "6", padding=1).transpose(1, 2)


@pytest.mark.parametrize(("body", "shared"), [("t2m", True), ("kit", True), ("t2m", False)])
@torch.no_grad()
def test_logits_are_those_of_the_released_code(tmp_path, body, shared):
    files = imported(write_momask(tmp_path / body, body, shared), tmp_path / "out")
    runtime = TorchRuntime(files, "cpu")
    rng = np.random.default_rng(0)
    padding = np.arange(9)[None] >= np.array([[9], [5]])
    text = rng.standard_normal((2, TEXT)).astype(np.float32)
    ids = np.where(padding, CODES + 1, rng.integers(0, CODES + 1, (2, 9)))
    state = masked_state()
    prefix = [F.linear(torch.from_numpy(text), state["cond_emb.weight"], state["cond_emb.bias"])]
    expected = body_reference(
        state, state["token_emb.weight"][torch.from_numpy(ids)], prefix, torch.from_numpy(padding), 4
    )
    found = runtime.call("masked", ids=ids, text=text, padding=padding)
    assert np.abs(found - expected.numpy())[~padding].max() < 1e-4

    state, layer = residual_state(shared), np.array([1, 2])
    codes = np.where(padding[..., None], CODES, rng.integers(0, CODES, (2, 9, LAYERS_OF_CODES - 1)))
    if shared:
        middle = state["embed_proj_shared_weight"]
        embed = torch.cat([state["token_embed_weight_"], middle])
        project = torch.cat([middle, state["output_proj_weight_"]])
    else:
        embed, project = state["token_embed_weight"], state["output_proj_weight"]
    history = torch.stack([
        sum(embed[q][torch.from_numpy(codes[row, :, q])] for q in range(own)) for row, own in enumerate(layer)
    ])  # fmt: skip
    told = F.linear(torch.from_numpy(text), state["cond_emb.weight"], state["cond_emb.bias"])
    one_hot = F.one_hot(torch.from_numpy(layer), LAYERS_OF_CODES).float()
    which = F.linear(one_hot, state["quant_emb.weight"], state["quant_emb.bias"])
    hidden = body_reference(state, history, [told, which], torch.from_numpy(padding), 4)
    expected = torch.einsum("bnc,bsc->bsn", project[layer - 1], hidden)
    if not shared:  # the released code adds the product to itself
        expected = expected + expected + state["output_proj_bias"][layer - 1][:, None]
    found = runtime.call("residual", codes=codes, layer=layer, text=text, padding=padding)
    assert np.abs(found - expected.numpy())[~padding].max() < 1e-4 * max(1.0, float(expected.abs().max()))


@pytest.mark.parametrize(("options", "growth", "activation"), [
    ("", 3, F.relu), ("dilation_growth_rate: 2\nvq_act: silu\n", 2, F.silu), ("vq_act: gelu\n", 3, F.gelu),
])  # fmt: skip
def test_what_no_tensor_of_the_codes_tells_is_read_from_opt_txt(tmp_path, options, growth, activation):
    root = write_momask(tmp_path / "t2m")
    with (root / "rvq_nq3/opt.txt").open("a") as file:
        file.write(options)
    runtime = TorchRuntime(imported(root, tmp_path / "out"), "cpu")
    codes = np.random.default_rng(0).integers(0, CODES, (2, 5, LAYERS_OF_CODES))
    expected = rvq_reference(weights(rvq_shapes(263)), torch.from_numpy(codes), growth, activation).numpy() * 0.5 + 0.25
    assert np.abs(runtime.call("decode", codes=codes) - expected).max() < 1e-4 * np.abs(expected).max()


def test_kit_is_imported_with_its_own_features_and_generates_our_joints(tmp_path):
    files = imported(write_momask(tmp_path / "kit", "kit"), tmp_path / "out")
    rvq = files.configs["rvq"]
    assert (rvq["features"], rvq["joints"], rvq["fps"]) == (251, 21, 12.5)
    assert files.info.details["fps"] == 12.5 and files.info.details["sampling"]["guidance"] == 2.0
    assert verify_model(str(tmp_path / "out")) == []
    engine = TextToMotion.load(str(tmp_path / "out"), "torch", "cpu")
    motion = engine.generate([Request("a person walks", seconds=3.2)])[0].motion
    assert (motion.fps, motion.frames) == (12.5, 40) and motion.joints().shape == (40, 22, 3)
    assert np.abs(motion.joints()).max() < 1000  # metres, not millimetres
    with pytest.raises(MoclipError, match="KIT-ML's, and cannot go on"):
        engine.generate([Request("a person walks", seconds=2.0, before=motion)])


def test_of_two_folders_of_codes_the_named_one_is_taken(tmp_path):
    root = write_momask(tmp_path / "t2m")
    write_rvq(root, "rvq_a_other")
    np.save(root / "rvq_a_other/meta/mean.npy", np.full(263, 9.0))
    assert imported(root, tmp_path / "out").arrays["rvq"]["mean"][0] == 0.25
    options = root / "tres_nlayer2/opt.txt"
    options.write_text(options.read_text().replace("rvq_nq3", "rvq_a_other"))
    with pytest.raises(MoclipError, match="trained with different codes: t2m_nlayer2 with rvq_nq3 and tres"):
        imported(root, tmp_path / "again")
    for name in ("t2m_nlayer2", "tres_nlayer2"):
        (root / name / "opt.txt").unlink()
    with pytest.raises(MoclipError, match="several rvq_.*rvq_a_other, rvq_nq3"):
        imported(root, tmp_path / "again")


def test_of_two_runs_the_one_that_is_told_is_taken(tmp_path):
    root = write_momask(tmp_path / "t2m")
    other = {name: tensor + 1 for name, tensor in masked_state().items()}
    write(root / "t2m_other/model/latest.tar", {"t2m_transformer": other})
    (root / "t2m_other/opt.txt").write_text("n_heads: 4\n")
    files = imported(root, tmp_path / "out", run=root / "t2m_other")
    assert np.array_equal(files.arrays["masked"]["cond_emb.bias"], other["cond_emb.bias"].numpy())
    with pytest.raises(MoclipError, match="no model/latest.tar under"):
        imported(root, tmp_path / "again", run=root / "nowhere")


def test_numpy_numbers_beside_the_tensors_are_read_and_code_is_not_run(tmp_path):
    root = write_momask(tmp_path / "t2m")
    path = root / "t2m_nlayer2/model/latest.tar"
    content = torch.load(path, weights_only=True)
    write(path, {**content, "fid": np.float64(0.5), "best": {"top1": np.float32(0.5), "step": np.int64(3)}})
    assert imported(root, tmp_path / "out").arrays["masked"]
    write(path, {**content, "hook": print})
    with pytest.raises(MoclipError, match="holds more than tensors"):
        imported(root, tmp_path / "again")


def test_parameters_are_counted_without_codebooks_and_tables(tmp_path):
    counted = imported(write_momask(tmp_path / "t2m"), tmp_path / "out").info.parameters
    assert counted["rvq"] == sum(t.numel() for n, t in weights(rvq_shapes(263)).items() if "codebook" not in n)
    assert counted["masked"] == sum(t.numel() for t in masked_state().values())


def change(root, name, edit):
    path = root / name
    content = torch.load(path, weights_only=True)
    edit(content)
    torch.save(content, path)


def edited(edit):
    return lambda root: change(root, MASKED, lambda content: edit(content["t2m_transformer"]))


MASKED, RVQ = "t2m_nlayer2/model/latest.tar", "rvq_nq3/model/net_best_fid.tar"
META = "rvq_nq3/meta"


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (edited(lambda s: s.pop("cond_emb.bias")), "lacks the tensor cond_emb.bias"),
        (edited(lambda s: s.pop("cond_emb.weight")), "lacks the tensor cond_emb"),
        (
            edited(lambda s: s.pop("seqTransEncoder.layers.0.linear1.weight")),
            "lacks the tensor seqTransEncoder.layers.0.linear1.weight",
        ),
        (edited(lambda s: s.update(extra=torch.zeros(1))), "has the tensor extra"),
        (
            edited(lambda s: s["cond_emb.bias"].fill_(torch.nan)),
            "cond_emb.bias of .* not finite",
        ),
        (lambda r: change(r, MASKED, lambda c: c.update(t2m_transformer=torch.zeros(3))), "is a tensor, not a table"),
        (edited(lambda s: s.update(odd=3)), "odd in the entry .* is no tensor"),
        (lambda r: torch.save(torch.zeros(3), r / MASKED), "is a tensor, not a table of entries"),
        (lambda r: (r / MASKED).write_bytes(b"junk"), "damaged"),
        (lambda r: change(r, RVQ, lambda c: c["vq_model"].pop("quantizer.layers.0.codebook")), "lacks the tensor qua"),
        (lambda r: np.save(r / META / "mean.npy", np.ones(251)), "has 251 features, and the network reads 263"),
        (lambda r: np.save(r / META / "std.npy", np.arange(263.0)), "std of feature 0 .* is 0, not above 0"),
        (lambda r: np.save(r / META / "std.npy", np.full(263, np.nan)), "not finite"),
        (lambda r: np.save(r / META / "std.npy", np.ones((263, 1))), r"shape \(263, 1\)"),
        (lambda r: (r / META / "std.npy").write_bytes(b"\x93NUMPY junk"), "std.npy is no array of numbers"),
        (lambda r: np.save(r / META / "std.npy", np.array(["a"] * 263)), "std.npy is no array of numbers"),
        (lambda r: (r / META / "std.npy").unlink(), "no rvq_nq3/meta/std.npy"),
        (lambda r: (r / "t2m_nlayer2/opt.txt").write_text("n_heads: 5\n"), "32 does not divide among the 5 heads"),
        (lambda r: (r / "t2m_nlayer2/opt.txt").write_text("n_heads: many\n"), "n_heads in .* is 'many'"),
        (lambda r: (r / "rvq_nq3/opt.txt").write_text("vq_norm: BN\n"), "use the norm BN"),
        (lambda r: (r / "rvq_nq3/opt.txt").write_text("vq_act: swish\n"), "activation swish"),
        (lambda r: (r / "length_estimator/model/finest.tar").unlink(), "no length_estimator"),
        (lambda r: write(r / "t2m_other/model/latest.tar", {}), r"several t2m_\*"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_sentence_and_leaves_nothing_behind(tmp_path, spoil, sentence):
    root = write_momask(tmp_path / "t2m")
    spoil(root)
    with pytest.raises(MoclipError, match=sentence) as caught:
        imported(root, tmp_path / "models" / "out")
    assert caught.value.hint and "\n" not in str(caught.value)
    assert {path.name for path in tmp_path.iterdir()} == {"t2m"}


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/notes.txt").write_text("mine")
    with pytest.raises(MoclipError, match="exists already"):
        imported(write_momask(tmp_path / "t2m"), tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["notes.txt"]


def rewritten(path, edit):
    arrays, config = load_weights(path)
    edit(arrays)
    save_weights(path, arrays, config, kept="float32")


def test_verify_finds_a_removed_tensor_and_a_changed_weight(tmp_path):
    imported(write_momask(tmp_path / "t2m"), tmp_path / "out")
    assert verify_model(str(tmp_path / "out")) == []
    rewritten(tmp_path / "out/residual.safetensors", lambda a: a["quant_emb.weight"].__imul__(1.5))
    assert verify_model(str(tmp_path / "out")) == ["residual: it does not compute what it did when the model was made."]
    rewritten(tmp_path / "out/masked.safetensors", lambda a: a.pop("cond_emb.bias"))
    (told,) = verify_model(str(tmp_path / "out"))
    assert "cond_emb.bias is missing" in told
    outcome = CliRunner().invoke(app, ["verify", str(tmp_path / "out")])
    assert outcome.exit_code == 1


# --- text towers -----------------------------------------------------------------------------------------------------


def openai_state(tower: TextTower) -> dict[str, torch.Tensor]:
    return {name.removeprefix("text."): tensor for name, tensor in tower.state_dict().items()}


@pytest.fixture
def alone(monkeypatch, tmp_path):
    """A machine without copies of CLIP and without a network."""
    from moclip.text import clip_files

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(clip_files, "find_clip", lambda: None)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def test_offline_without_a_copy_says_which_file_to_put_where_and_leaves_nothing(tmp_path, alone):
    root = write_momask(tmp_path / "t2m")
    with pytest.raises(MoclipError, match="ViT-B/32 is not on this machine") as caught:
        import_released(root, tmp_path / "out")
    assert str(tmp_path / "cache/clip/ViT-B-32.pt") in caught.value.hint and "--clip" in caught.value.hint
    assert not (tmp_path / "out").exists()


def test_a_missing_checkpoint_is_told_before_a_missing_text_encoder(tmp_path, alone):
    root = write_momask(tmp_path / "t2m")
    (root / "length_estimator/model/finest.tar").unlink()
    with pytest.raises(MoclipError, match="length_estimator"):
        import_released(root, tmp_path / "out")


def test_a_tower_of_its_own_leaves_the_length_estimator_openais(tmp_path, alone):
    root = write_momask(tmp_path / "t2m")
    clip, own = TextTower(TOWER), TextTower(TOWER)
    torch.save(openai_state(clip), tmp_path / "clip.bin")
    save_tower(own, tmp_path / "text.safetensors", kept="float32")
    out = tmp_path / "out"
    made = import_released(root, out, clip=tmp_path / "clip.bin", text_encoder=tmp_path / "text.safetensors")
    assert made.note == "" and verify_model(str(out)) == []
    files = load_model(str(out))
    assert np.array_equal(files.arrays["text"]["text.text_projection"], own.text.text_projection.detach().numpy())
    assert np.array_equal(
        files.arrays["length_text"]["text.text_projection"], clip.text.text_projection.detach().numpy()
    )
    # Without OpenAI's the model still comes, and says what it lacks.
    made = import_released(root, tmp_path / "less", text_encoder=tmp_path / "text.safetensors")
    assert "Lengths are estimated" in made.note and verify_model(str(tmp_path / "less")) == []


def test_a_tower_of_another_width_is_one_sentence(tmp_path):
    root = write_momask(tmp_path / "t2m")
    with pytest.raises(MoclipError, match=f"makes 24 numbers, and .* reads {TEXT}"):
        import_released(root, tmp_path / "out", TextTower(replace(TOWER, embed_dim=24)))
    assert not (tmp_path / "out").exists()


def test_the_command_imports_where_it_is_told_or_among_the_models(tmp_path, alone, monkeypatch):
    root = write_momask(tmp_path / "t2m")
    torch.save(openai_state(TextTower(replace(TOWER, heads=1))), tmp_path / "clip.bin")
    monkeypatch.setenv("MOCLIP_MODELS", str(tmp_path / "models"))
    outcome = CliRunner().invoke(app, ["import", str(root), "--clip", str(tmp_path / "clip.bin")])
    assert outcome.exit_code == 0, outcome.output
    assert json.loads((tmp_path / "models/momask-t2m/model.json").read_text())["generator"] == "momask"
    assert model_info("momask-t2m").name == "momask-t2m"
    with safe_open(str(tmp_path / "models/momask-t2m/masked.safetensors"), framework="numpy") as file:
        assert file.get_tensor("token_emb.weight").dtype == np.float32
        assert file.get_slice("token_emb.weight").get_shape() == [CODES + 2, DIM]
