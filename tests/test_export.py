# SPDX-License-Identifier: Apache-2.0
"""MoCLIP for other programs: as an open_clip folder, and in its authors' layout both ways."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="exporting needs PyTorch")
open_clip = pytest.importorskip("open_clip", reason="the text tower is open_clip's")

from typer.testing import CliRunner  # noqa: E402

from moclip.alignment import authors  # noqa: E402
from moclip.alignment.authors import REST, export_authors, import_authors, motion_names, text_names  # noqa: E402
from moclip.alignment.motion_encoder import MotionEncoder, MotionEncoderConfig  # noqa: E402
from moclip.errors import MoclipError  # noqa: E402
from moclip.evaluation.retrieval import load_spaces  # noqa: E402
from moclip.nn.checkpoint import load_weights, save_weights  # noqa: E402
from moclip.nn.layers import sinusoids  # noqa: E402
from moclip.text.open_clip_export import export_open_clip  # noqa: E402
from moclip.text.tower import CLIP_B32, TextTower, TowerConfig, load_tower, save_tower  # noqa: E402
from moclip_backend.commands.models import app  # noqa: E402

TOWER = TowerConfig(width=32, heads=2, layers=1, embed_dim=16, quick_gelu=True)
ENCODER = replace(authors.ENCODER, part_width=4, width=16, layers=2, heads=2, embed_dim=16)


@pytest.fixture
def small(monkeypatch):
    """The authors' layout at sizes that a test can afford."""
    monkeypatch.setattr(authors, "TOWER", TOWER)
    monkeypatch.setattr(authors, "ENCODER", ENCODER)


def checkpoint() -> dict[str, torch.Tensor]:
    """A state dict as theirs, of untrained networks whose numbers float16 holds exactly."""
    torch.manual_seed(0)
    state = {name.removeprefix("text."): t for name, t in TextTower(TOWER).state_dict().items()}
    state |= {f"motion.{name}": t for name, t in MotionEncoder(ENCODER).state_dict().items()}
    state |= {
        "visual.proj": torch.randn(4, 16),
        "visual.class_embedding": torch.randn(4),
        "logit_scale": torch.tensor(4.5),
        "motion.temporal_reduction.attention.weight": torch.randn(1, 16),
        "motion.temporal_reduction.attention.bias": torch.randn(1),
    }
    state = {name: tensor.half().float() for name, tensor in state.items()}
    return {**state, "motion.position_enc.pe": sinusoids(5000, 16)[:, None]}


def test_the_full_layout_has_the_authors_names():
    assert len(text_names(CLIP_B32)) == 302 - 153  # 152 image tensors and the scale
    assert len(motion_names(authors.ENCODER)) == 219 - 3  # positions, and weight and bias of the unused pool
    assert "motion.transformer.11.mlp.2.bias" in motion_names(authors.ENCODER)
    assert "transformer.resblocks.11.attn.in_proj_weight" in text_names(CLIP_B32)


def test_their_file_comes_back_as_it_was(small, tmp_path):
    state = checkpoint()
    torch.save(state, tmp_path / "moCLIP_l04_t2m.pth")
    import_authors(tmp_path / "moCLIP_l04_t2m.pth", tmp_path / "work")
    assert export_authors(tmp_path / "work", tmp_path / "again.pth") == []
    again = torch.load(tmp_path / "again.pth", weights_only=True)
    assert again.keys() == state.keys()
    assert all(torch.equal(again[name], state[name]) for name in state)


def test_what_is_imported_computes_what_theirs_does(small, tmp_path):
    state = checkpoint()
    torch.save(state, tmp_path / "m.pth")
    import_authors(tmp_path / "m.pth", tmp_path / "work")
    tower, encoder = load_spaces("", tmp_path / "work")
    assert torch.equal(tower.text.text_projection, state["text_projection"])
    assert (encoder.config.positions, encoder.config.masked, encoder.config.joint_source) == (
        "batch",
        False,
        "normalised",
    )
    # Their feet are the right foot, the left elbow and the left wrist: the left toe moves nothing in that part.
    joints = torch.zeros(1, 3, 22, 3)
    before = encoder.encoder(joints)[..., 7]
    joints[:, :, 10] = 1.0
    assert torch.equal(encoder.encoder(joints)[..., 7], before)
    joints[:, :, 20] = 1.0
    assert not torch.equal(encoder.encoder(joints)[..., 7], before)


def work_folder(path, tower: TowerConfig, motion: MotionEncoderConfig, **config):
    torch.manual_seed(0)
    student, encoder = TextTower(tower), MotionEncoder(motion)
    arrays = {f"student.{n}": t for n, t in student.state_dict().items()}
    arrays |= {f"motion.{n}": t for n, t in encoder.state_dict().items()} | {"log_scale": torch.tensor(2.5)}
    path.mkdir()
    described = {"kind": "moclip", "motion": motion.to_dict(), "tower": tower.to_dict(), **config}
    save_weights(path / "moclip.safetensors", arrays, described)
    save_tower(student, path / "text.safetensors")
    return path


def test_one_trained_by_us_is_exported_with_what_their_code_does_otherwise(small, tmp_path, monkeypatch):
    monkeypatch.setattr(authors, "load_image_side", lambda name, tag: {"visual.proj": np.ones((4, 16), np.float32)})
    ours = replace(ENCODER, positions="time", masked=True, parts="limbs", joint_source="metres")
    notes = export_authors(work_folder(tmp_path / "work", TOWER, ours), tmp_path / "m.pth")
    assert len(notes) == 4 and all("text vectors will not" in note for note in notes)
    state = torch.load(tmp_path / "m.pth", weights_only=True)
    assert state["logit_scale"].shape == () and state["logit_scale"].item() == 2.5
    assert state["motion.position_enc.pe"].shape == (5000, 1, 16)
    import_authors(tmp_path / "m.pth", tmp_path / "back")
    assert torch.equal(
        load_tower(tmp_path / "back" / "text.safetensors").text.text_projection, state["text_projection"]
    )


@pytest.mark.parametrize(
    ("tower", "motion", "config", "says"),
    [
        (replace(TOWER, width=64), ENCODER, {}, "a text tower of another size"),
        (TOWER, replace(ENCODER, cross_limb=True, limb_heads=2), {}, "cross-limb attention"),
        (TOWER, replace(ENCODER, layers=1), {}, "a motion encoder of other sizes"),
        (TOWER, ENCODER, {"weight": "matrix"}, "a matrix W"),
    ],
)
def test_what_their_layout_cannot_hold_is_refused_with_ours_on_offer(small, tmp_path, tower, motion, config, says):
    with pytest.raises(MoclipError, match=says) as caught:
        export_authors(work_folder(tmp_path / "work", tower, motion, **config), tmp_path / "m.pth")
    assert "--format open_clip" in caught.value.hint and not (tmp_path / "m.pth").exists()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda s: s.pop("ln_final.bias"), "lacks ln_final.bias"),
        (lambda s: s.update({"motion.extra": torch.zeros(1)}), "has motion.extra"),
        (lambda s: s.update({"text_projection": torch.zeros(32, 17)}), r"text_projection has the shape \(32, 17\)"),
        (lambda s: s.update({"motion.position_enc.pe": torch.zeros(5000, 1, 16)}), "positions are no sinusoids"),
    ],
)
def test_other_files_are_refused_in_one_sentence(small, tmp_path, change, says):
    state = checkpoint()
    change(state)
    torch.save(state, tmp_path / "m.pth")
    with pytest.raises(MoclipError, match=says):
        import_authors(tmp_path / "m.pth", tmp_path / "work")
    assert not (tmp_path / "work").exists()


def test_files_that_are_no_checkpoint_are_refused(tmp_path):
    (tmp_path / "text.pth").write_text("hello")
    torch.save([1, 2], tmp_path / "list.pth")
    for name, says in (("text.pth", "damaged"), ("list.pth", "no state dict"), ("gone.pth", "There is no file")):
        refused = CliRunner().invoke(app, ["import", str(tmp_path / name), "--out", str(tmp_path / "out")])
        assert isinstance(refused.exception, MoclipError) and says in refused.exception.message


@pytest.mark.parametrize("quick_gelu", [True, False])
def test_open_clip_reads_the_same_text_vectors(tmp_path, quick_gelu):
    torch.manual_seed(1)
    tower = TextTower(TowerConfig(width=32, heads=2, layers=2, embed_dim=24, quick_gelu=quick_gelu)).eval()
    export_open_clip(tower, tmp_path / "clip")
    model = open_clip.create_model(f"local-dir:{tmp_path / 'clip'}").eval()
    tokens = open_clip.get_tokenizer(f"local-dir:{tmp_path / 'clip'}")(
        ["a person waves", "someone jumps twice, then sits"]
    )
    with torch.no_grad():
        assert torch.allclose(model.encode_text(tokens), tower(tokens), atol=1e-5)
    assert "encode_text" in (tmp_path / "clip" / "README.md").read_text()


def test_the_commands_write_each_format_and_refuse_what_is_in_the_way(small, tmp_path):
    work = work_folder(tmp_path / "work", TOWER, ENCODER)
    save_weights(work / REST, {"visual.proj": np.ones((4, 16), np.float32)}, {"kind": "authors' rest"})

    def run(*args):
        return CliRunner().invoke(app, ["export", str(work), *args])

    for name, format in (("t.safetensors", "moclip"), ("clip", "open_clip"), ("m.pth", "authors")):
        done = run("--format", format, "--out", str(tmp_path / name))
        assert done.exit_code == 0 and f"Written to {tmp_path / name}" in done.output.replace("\n", "")
    assert load_tower(tmp_path / "t.safetensors").config == TOWER
    assert CliRunner().invoke(app, ["import", str(tmp_path / "m.pth"), "--out", str(tmp_path / "in")]).exit_code == 0
    assert load_weights(tmp_path / "in" / "moclip.safetensors")[1]["motion"]["positions"] == "batch"
    for args, says in (
        (("--out", str(tmp_path)), "exists and is no file"),
        (("--format", "open_clip", "--out", str(tmp_path / "m.pth")), "exists and is no folder"),
        (("--format", "open_clip", "--image-side", "openai", "--out", str(tmp_path / "c")), "of that size only"),
        (("--image-side", "openai", "--out", str(tmp_path / "t2.safetensors")), "has no image side"),
    ):
        refused = run(*args)
        assert isinstance(refused.exception, MoclipError) and says in refused.exception.message
    unknown = CliRunner().invoke(app, ["export", "nonesuch", "--out", str(tmp_path / "x")])
    assert isinstance(unknown.exception, MoclipError) and unknown.exception.code == "unknown_model"
