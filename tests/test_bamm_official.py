# SPDX-License-Identifier: Apache-2.0
"""Importing BAMM in its authors' layout, made here at small sizes."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="importing checkpoints needs PyTorch")
pytest.importorskip("open_clip", reason="the text tower is open_clip's")

from moclip.codecs.config import RVQConfig  # noqa: E402
from moclip.codecs.rvq import RVQ  # noqa: E402
from moclip.errors import MoclipError  # noqa: E402
from moclip.generators.bamm.config import BammConfig  # noqa: E402
from moclip.generators.bamm.network import BammTransformer  # noqa: E402
from moclip.generators.bamm.official import import_official  # noqa: E402
from moclip.generators.bamm.options import OFFICIAL, BammOptions  # noqa: E402
from moclip.generators.base.length import LengthConfig, LengthEstimator  # noqa: E402
from moclip.generators.momask.config import TransformerConfig  # noqa: E402
from moclip.generators.momask.transformers import MaskedTransformer, ResidualTransformer  # noqa: E402
from moclip.nn.checkpoint import fingerprint, load_weights  # noqa: E402
from moclip.nn.layers import sinusoids  # noqa: E402
from moclip.nn.networks import restore  # noqa: E402
from moclip.releases import Towers  # noqa: E402
from moclip.text.tower import TextTower, TowerConfig  # noqa: E402

RUN = "2024-02-14-14-27-29_8_GPT_officialTrans_2iterPrdictEnd"
TOWER = TowerConfig(width=32, heads=2, layers=1, embed_dim=16, quick_gelu=True)


def towers() -> Towers:
    return Towers(TextTower(TOWER))


def sizes(variant: str) -> BammConfig:
    return BammConfig(20, 24, 16, width=48, layers=2, heads=3, feed_forward=40, variant=variant)


def write(path, content) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(content, path)


def write_run(folder, network: torch.nn.Module) -> None:
    state = network.state_dict() | {"position_enc.pe": sinusoids(50, 48)[:, None]}
    write(folder / "model/latest.tar", {"t2m_transformer": state, "ep": 3, "total_it": 7})
    (folder / "opt.txt").write_text("------------ Options -------------\nn_heads: 3\nlatent_dim: 48\n")


@pytest.fixture(params=["official", "t2mgpt"])
def official(request, tmp_path):
    """BAMM's folder, and the transformer in it."""
    root, network = tmp_path / "BAMM", BammTransformer(sizes(request.param))
    write_run(root / "log/t2m/t2m" / RUN, network)
    shared = root / "checkpoints/t2m"
    rvq = RVQ(RVQConfig(width=32, code_dim=24, codes=20, quantizers=3)).state_dict()
    write(shared / "rvq_nq6/model/net_best_fid.tar", {"vq_model": {k: rvq[k] for k in rvq if k not in ("mean", "std")}})
    residual = ResidualTransformer(TransformerConfig(20, 24, 3, 16, 64, 1, 1, 32)).state_dict()
    write(shared / "tres_nlayer8/model/net_best_fid.tar", {"res_transformer": residual})
    write(shared / "length_estimator/model/finest.tar", {"estimator": LengthEstimator(LengthConfig(16)).state_dict()})
    (shared / "rvq_nq6/meta").mkdir()
    for name in ("mean", "std"):
        np.save(shared / f"rvq_nq6/meta/{name}.npy", np.full(263, 0.25))
    return root, network


def test_imported_networks_are_those_of_the_checkpoint(official, tmp_path):
    root, network = official
    import_official(root, tmp_path / "bamm", towers)
    details = json.loads((tmp_path / "bamm/model.json").read_text())
    assert details["generator"] == "bamm" and BammOptions(**details["sampling"]) == OFFICIAL
    arrays, config = load_weights(tmp_path / "bamm/bamm.safetensors")
    assert config["kind"] == "bamm" and config["heads"] == 3 and config["variant"] == network.config.variant
    text = fingerprint(load_weights(tmp_path / "bamm/text.safetensors")[0])
    assert config["text_fingerprint"] == details["text_fingerprint"] == text
    ids, given = torch.randint(20, (2, 9)), torch.randn(2, 16)
    with torch.no_grad():  # while gradients are wanted, attention is computed in another order
        assert torch.equal(restore(BammTransformer, config, arrays)(ids, given), network.eval()(ids, given))
    for kind in ("rvq", "residual", "length"):
        assert load_weights(tmp_path / f"bamm/{kind}.safetensors")[1]["kind"] == kind


def test_run_beside_momasks_folders_is_found(official, tmp_path):
    root, _ = official
    (root / "log/t2m/t2m" / RUN).rename(root / "checkpoints/t2m" / RUN)
    write_run(root / "checkpoints/t2m/t2m_nlayer8", MaskedTransformer(TransformerConfig(20, 24, 3, 16, 48, 1, 3, 32)))
    import_official(root / "checkpoints/t2m", tmp_path / "bamm", towers)
    assert (tmp_path / "bamm/bamm.safetensors").is_file()


def test_of_several_runs_one_is_named(official, tmp_path):
    root, network = official
    other = root / "log/t2m/t2m/other"
    write_run(other, network)
    with pytest.raises(MoclipError, match="several runs of BAMM under .*2024.*, other"):
        import_official(root, tmp_path / "bamm", towers)
    import_official(root, tmp_path / "bamm", towers, run=other)


def change(root, edit) -> None:
    path = root / "log/t2m/t2m" / RUN / "model/latest.tar"
    content = torch.load(path, weights_only=True)
    edit(content["t2m_transformer"])
    torch.save(content, path)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda root: (root / "log/t2m/t2m" / RUN / "model/latest.tar").unlink(), "no run of BAMM"),
        (lambda root: (root / "log/t2m/t2m" / RUN / "model/latest.tar").write_bytes(b"PK"), "damaged"),
        (lambda root: write(root / "log/t2m/t2m" / RUN / "model/latest.tar", {"ep": 1}), "no entry t2m_transformer"),
        (lambda root: change(root, lambda state: state.pop("cond_emb.bias")), "lacks the tensor cond_emb.bias"),
        (lambda root: change(root, lambda state: state.pop("token_emb.weight")), "lacks the tensor token_emb.weight"),
        (lambda root: (root / "checkpoints/t2m/length_estimator/model/finest.tar").unlink(), "length_estimator"),
        (lambda root: np.save(root / "checkpoints/t2m/rvq_nq6/meta/mean.npy", np.ones(251)), "251 features"),
        (
            lambda root: write_run(
                root / "log/t2m/t2m" / RUN, MaskedTransformer(TransformerConfig(20, 24, 3, 16, 48, 1, 3, 32))
            ),
            "predicts 20 tokens; BAMM's are the 20 codes",
        ),
    ],
)
def test_what_is_wrong_is_one_sentence_and_leaves_nothing_behind(official, tmp_path, spoil, sentence):
    root, _ = official
    spoil(root)
    with pytest.raises(MoclipError, match=sentence):
        import_official(root, tmp_path / "bamm", towers)
    assert not (tmp_path / "bamm").exists()
