# SPDX-License-Identifier: Apache-2.0
"""Importing checkpoints in the official layout, made here at small sizes."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="importing checkpoints needs PyTorch")
pytest.importorskip("open_clip", reason="the text tower is open_clip's")

from moclip.codecs.config import RVQConfig  # noqa: E402
from moclip.codecs.rvq import RVQ  # noqa: E402
from moclip.errors import MoclipError  # noqa: E402
from moclip.generate.pipeline import Request, TextToMotion  # noqa: E402
from moclip.generators.base.length import LengthConfig, LengthEstimator  # noqa: E402
from moclip.generators.momask.config import TransformerConfig  # noqa: E402
from moclip.generators.momask.official import import_official  # noqa: E402
from moclip.generators.momask.sampling import OFFICIAL  # noqa: E402
from moclip.generators.momask.transformers import MaskedTransformer, ResidualTransformer  # noqa: E402
from moclip.models import load_model, verify_model  # noqa: E402
from moclip.nn.layers import sinusoids  # noqa: E402
from moclip.releases import Towers  # noqa: E402
from moclip.text.tower import TextTower, TowerConfig  # noqa: E402

RVQ_SIZES = RVQConfig(width=32, code_dim=24, codes=20, quantizers=3)
SIZES = TransformerConfig(
    codes=20, code_dim=24, quantizers=3, text_dim=16, width=128, layers=2, heads=2, feed_forward=48
)
TOWER = TowerConfig(width=32, heads=2, layers=1, embed_dim=16, quick_gelu=True)


def towers() -> Towers:
    return Towers(TextTower(TOWER))


@pytest.fixture
def official(tmp_path):
    root = tmp_path / "t2m"
    rvq = RVQ(RVQ_SIZES).state_dict()
    files = {
        "rvq_nq6/model/net_best_fid.tar": {
            "vq_model": {k: v for k, v in rvq.items() if k not in ("mean", "std")},
            "ep": 3,
        },
        "t2m_nlayer8/model/latest.tar": {
            "t2m_transformer": {
                **MaskedTransformer(SIZES).state_dict(),
                "position_enc.pe": sinusoids(50, 128)[:, None],
            },
            "ep": 1,
        },
        "tres_nlayer8/model/net_best_fid.tar": {"res_transformer": ResidualTransformer(SIZES).state_dict()},
        "length_estimator/model/finest.tar": {"estimator": LengthEstimator(LengthConfig(16)).state_dict(), "niter": 5},
    }
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True)
        torch.save(content, root / name)
    (root / "rvq_nq6/meta").mkdir()
    np.save(root / "rvq_nq6/meta/mean.npy", np.full(263, 0.25))
    np.save(root / "rvq_nq6/meta/std.npy", np.full(263, 0.5))
    return root


def test_imported_model_has_the_sizes_of_its_tensors_and_generates(official, tmp_path):
    import_official(official, tmp_path / "momask", towers)
    assert verify_model(str(tmp_path / "momask")) == []
    files = load_model(str(tmp_path / "momask"))
    assert {k: files.configs["rvq"][k] for k in ("width", "codes", "code_dim", "quantizers", "down_t", "depth")} == {
        "width": 32, "codes": 20, "code_dim": 24, "quantizers": 3, "down_t": 2, "depth": 3,
    }  # fmt: skip
    assert (files.configs["masked"]["layers"], files.configs["masked"]["heads"]) == (2, 2)
    assert files.arrays["rvq"]["mean"][0] == 0.25
    # To the last bit: half precision would change tokens of what others have measured.
    own = torch.load(official / "t2m_nlayer8/model/latest.tar", weights_only=True)["t2m_transformer"]
    assert all(np.array_equal(array, own[name].numpy()) for name, array in files.arrays["masked"].items())
    engine = TextToMotion.load(str(tmp_path / "momask"), runtime="torch")
    assert engine.generator.options == OFFICIAL and (engine.options.takes, engine.options.by_clause) == (1, False)
    assert engine.generate([Request("a person walks", seconds=2.0)])[0].motion.frames == 40


def test_missing_file_is_named(official, tmp_path):
    (official / "length_estimator/model/finest.tar").unlink()
    with pytest.raises(MoclipError, match="length_estimator"):
        import_official(official, tmp_path / "momask", towers)


def test_damaged_file_is_refused(official, tmp_path):
    path = official / "tres_nlayer8/model/net_best_fid.tar"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(MoclipError, match="damaged"):
        import_official(official, tmp_path / "momask", towers)


def test_kit_models_are_refused_in_one_sentence(official, tmp_path):
    for name in ("mean", "std"):
        np.save(official / f"rvq_nq6/meta/{name}.npy", np.ones(251))
    with pytest.raises(MoclipError, match="251 features"):
        import_official(official, tmp_path / "momask", towers)
