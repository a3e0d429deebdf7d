# SPDX-License-Identifier: Apache-2.0
"""Importing BAD's checkpoints in the official layout, made here at small sizes."""

import json
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="importing checkpoints needs PyTorch")
pytest.importorskip("open_clip", reason="the text tower is open_clip's")

from moclip.codecs.config import VqConfig  # noqa: E402
from moclip.codecs.vq import VQ  # noqa: E402
from moclip.errors import MoclipError  # noqa: E402
from moclip.generators.bad.config import BadConfig  # noqa: E402
from moclip.generators.bad.network import BadTransformer  # noqa: E402
from moclip.generators.bad.official import import_official  # noqa: E402
from moclip.generators.bad.sampling import OFFICIAL, BadOptions  # noqa: E402
from moclip.generators.base.length import LengthConfig, LengthEstimator  # noqa: E402
from moclip.nn.checkpoint import load_weights  # noqa: E402
from moclip.nn.layers import sinusoids  # noqa: E402
from moclip.nn.networks import restore  # noqa: E402
from moclip.releases import Towers  # noqa: E402
from moclip.text.tower import TextTower, TowerConfig  # noqa: E402

VQ_SIZES = VqConfig(width=16, code_dim=8, codes=20, depth=2)
SIZES = BadConfig(
    codes=20, code_dim=8, width=128, heads=2, feed_forward=48, cross_layers=1, layers=2, head_layers=3, text_dim=16,
    word_dim=32,
)  # fmt: skip
TOWER = TowerConfig(width=32, heads=2, layers=1, embed_dim=16, quick_gelu=True)


def towers() -> Towers:
    return Towers(TextTower(TOWER))


TRANS, VQ_FILE = "output/t2m/trans_best_fid.pth", "output/vq/vq_last.pth"
META = "checkpoints/t2m/VQVAEV3_CB1024_CMT_H1024_NRES3/meta"


def write(root, name, content):
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    torch.save(content, root / name)


def official_states(time_cond=True):
    """(VQ-VAE, transformer) as their authors write them."""
    torch.manual_seed(0)
    vq = VQ(VQ_SIZES)
    vq.parts.quantizer.codebook.normal_()
    vq = {name: tensor for name, tensor in vq.state_dict().items() if name not in ("mean", "std")}
    sizes = replace(SIZES, time_cond=time_cond)
    rows = 50 + sizes.conditions
    trans = {
        **BadTransformer(sizes).state_dict(),
        **{f"trans_base.vqvae.{name}": tensor for name, tensor in vq.items()},
        "trans_base.pos_embed.embed": sinusoids(rows, 128)[:, None],
        "trans_base.pos_embedding.weight": torch.randn(rows, 128),
        "trans_base.cross_att.0.attn.mask": torch.ones(1, 1, rows, 77),
    }
    return vq, trans


@pytest.fixture
def official(tmp_path):
    root, (vq, trans) = tmp_path / "BAD", official_states()
    write(root, VQ_FILE, {"net": vq})
    write(root, TRANS, {"trans": trans, "iter": 7})
    estimator = LengthEstimator(LengthConfig(16)).state_dict()
    write(root, "checkpoints/t2m/length_estimator/model/finest.tar", {"estimator": estimator})
    for name, value in (("mean", 0.25), ("std", 0.5)):
        (root / META).mkdir(parents=True, exist_ok=True)
        np.save(root / META / f"{name}.npy", np.full(263, value))
    return root


def change(path, entry, **tensors):
    content = torch.load(path)
    content[entry].update(tensors)
    torch.save(content, path)


@pytest.mark.parametrize("time_cond", [True, False])
def test_imported_networks_have_the_sizes_of_their_tensors_and_restore(official, tmp_path, time_cond):
    vq_state, trans = official_states(time_cond)
    write(official, TRANS, {"trans": trans, "iter": 7})
    import_official(official, tmp_path / "out", towers)
    arrays, config = load_weights(tmp_path / "out" / "bad.safetensors")
    network = restore(BadTransformer, config, arrays)
    assert network.config == replace(SIZES, time_cond=time_cond)
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(tensor, trans[name], atol=0, rtol=0)
    arrays, config = load_weights(tmp_path / "out" / "vq.safetensors")
    vq = restore(VQ, config, arrays)
    assert vq.config == VQ_SIZES
    assert (vq.mean == 0.25).all() and (vq.std == 0.5).all()
    torch.testing.assert_close(vq.parts.quantizer.codebook, vq_state["vqvae.quantizer.codebook"], atol=0, rtol=0)


def test_imported_model_says_what_it_is_and_how_it_samples(official, tmp_path):
    import_official(official, tmp_path / "bad", towers)
    details = json.loads((tmp_path / "bad" / "model.json").read_text(encoding="utf-8"))
    assert (details["generator"], details["name"], details["fps"]) == ("bad", "bad", 20)
    options = BadOptions(**details["sampling"])
    # Its own motions, whatever else is in the batch.
    assert options == replace(OFFICIAL, stop_as_released=False)
    files = {path.name for path in (tmp_path / "bad").iterdir()}
    assert files == {"text.safetensors", "vq.safetensors", "bad.safetensors", "length.safetensors", "model.json"}
    for network in ("bad", "length"):
        _, config = load_weights(tmp_path / "bad" / f"{network}.safetensors")
        assert config["kind"] == network and config["text_fingerprint"] == details["text_fingerprint"]


def test_transformer_of_another_vq_is_refused(official, tmp_path):
    other = torch.zeros(20, 8)
    change(official / TRANS, "trans", **{"trans_base.vqvae.vqvae.quantizer.codebook": other})
    with pytest.raises(MoclipError, match="another VQ-VAE"):
        import_official(official, tmp_path / "out", towers)
    assert not (tmp_path / "out").exists()


def test_learned_positions_are_refused(official, tmp_path):
    change(official / TRANS, "trans", **{"trans_base.pos_embed.embed": torch.zeros(52, 1, 128)})
    with pytest.raises(MoclipError, match="positions"):
        import_official(official, tmp_path / "out", towers)


@pytest.mark.parametrize("name", [VQ_FILE, TRANS, f"{META}/std.npy"])
def test_missing_file_is_named(official, tmp_path, name):
    (official / name).unlink()
    with pytest.raises(MoclipError) as caught:
        import_official(official, tmp_path / "out", towers)
    assert name.rsplit("/", 1)[1] in str(caught.value) and caught.value.code == "bad_checkpoint"


def test_statistics_of_the_folder_for_generation_serve_too(official, tmp_path):
    for name in ("mean", "std"):
        (official / "exit").mkdir(exist_ok=True)
        (official / META / f"{name}.npy").rename(official / f"exit/t2m-{name}.npy")
    import_official(official, tmp_path / "out", towers)
    assert (load_weights(tmp_path / "out" / "vq.safetensors")[0]["std"] == 0.5).all()


def test_damaged_and_foreign_files_are_refused(official, tmp_path):
    write(official, TRANS, {"trans": {"token_emb.weight": torch.zeros(2)}})
    with pytest.raises(MoclipError, match="not BAD's"):
        import_official(official, tmp_path / "out", towers)
    write(official, TRANS, {"t2m_transformer": {}})
    with pytest.raises(MoclipError, match="no entry trans"):
        import_official(official, tmp_path / "out", towers)
    (official / TRANS).write_bytes((official / TRANS).read_bytes()[:100])
    with pytest.raises(MoclipError, match="damaged"):
        import_official(official, tmp_path / "out", towers)


def test_kit_models_are_refused_in_one_sentence(official, tmp_path):
    for name in ("mean", "std"):
        np.save(official / META / f"{name}.npy", np.ones(251))
    with pytest.raises(MoclipError, match="251 features"):
        import_official(official, tmp_path / "out", towers)
