# SPDX-License-Identifier: Apache-2.0
"""The whole recipe at toy sizes: every stage after the tower, the pack, and the model that comes out."""

import pickle
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch")
pytest.importorskip("open_clip", reason="the text tower is open_clip's")
pytest.importorskip("onnx", reason="packing writes graphs with onnx")

from toy_dataset import make_toy_dataset  # noqa: E402

from moclip.data.build import BuildOptions  # noqa: E402
from moclip.data.folder import DatasetFolder  # noqa: E402
from moclip.errors import MoclipError  # noqa: E402
from moclip.generate.pipeline import Request, TextToMotion  # noqa: E402
from moclip.models import verify_model  # noqa: E402
from moclip.nn.checkpoint import fingerprint, load_weights  # noqa: E402
from moclip.recipes.pack import pack  # noqa: E402
from moclip.recipes.recipe import EXTRA_STAGES, STAGES, load_recipe  # noqa: E402
from moclip.text.tower import TextTower, TowerConfig, save_tower  # noqa: E402

SCHEDULE = "[{0}.schedule]\nsteps = 4\nlearning_rate = 5e-4\nwarmup = 1\nvalidate_every = 2\n"
TRANSFORMER = (
    "[{0}]\nbatch = 4\ntext_noise = {{ isotropic = 0.1 }}\n"
    "[{0}.sizes]\nwidth = 16\nlayers = 1\nheads = 2\nfeed_forward = 16\n"
)
RECIPE = (
    "[rvq]\nbatch = 4\n[rvq.sizes]\nwidth = 16\ncode_dim = 8\ncodes = 12\nquantizers = 3\n"
    "[decoder]\nbatch = 4\n"
    "[moclip]\nbatch = 4\n[moclip.alignment]\nfrozen_share = 0.0\nstudent_rate = 0.5\n"
    "[moclip.motion]\npart_width = 4\nwidth = 16\nlayers = 1\nheads = 2\nembed_dim = 16\nframe_stride = 4\n"
    "[judge]\nbatch = 4\n"
    + TRANSFORMER.format("masked")
    + TRANSFORMER.format("residual")
    + "[length]\nbatch = 4\ntext_noise = { isotropic = 0.1 }\n"
    + "[evaluator]\nbatch = 4\n[evaluator.sizes]\nmovement = 8\ntext_hidden = 8\nmotion_hidden = 8\nembed_dim = 8\n"
    + "".join(
        SCHEDULE.format(name)
        for name in ("rvq", "decoder", "moclip", "judge", "masked", "residual", "length", "evaluator")
    )
)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> DatasetFolder:
    return make_toy_dataset(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def recipe(tmp_path_factory) -> dict:
    path = tmp_path_factory.mktemp("recipe") / "toy.toml"
    path.write_text(RECIPE)
    return load_recipe(path)


@pytest.fixture(scope="module")
def work(dataset, recipe, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("work")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        save_tower(TextTower(TowerConfig(width=32, heads=2, layers=1, embed_dim=16)), folder / "tower.safetensors")
    for name, stage in (STAGES | {"judge": EXTRA_STAGES["judge"]}).items():
        if name != "tower":
            stage(dataset, folder, recipe, log=lambda line: None)
    return folder


def test_every_stage_leaves_its_weights_and_the_generator_names_its_tower(work):
    student, _ = load_weights(work / "text.safetensors")
    teacher, _ = load_weights(work / "tower.safetensors")
    assert fingerprint(student) != fingerprint(teacher)  # it was trained at all
    # The table of words stays where the distillation left it.
    assert np.array_equal(student["text.token_embedding.weight"], teacher["text.token_embedding.weight"])
    for name in ("masked", "residual", "length"):
        assert load_weights(work / f"{name}.safetensors")[1]["text_fingerprint"] == fingerprint(student)
    _, rvq = load_weights(work / "rvq.safetensors")
    assert (rvq["rotation_channels"], rvq["fps"]) == ("local", 20)


def test_a_transformer_s_table_says_which_actions_are_drawn_more_often(work, dataset, recipe, monkeypatch):
    drawn = {}

    def note(kind, _config, train, *_rest, **_options):
        drawn[kind] = train.weights

    monkeypatch.setattr("moclip.recipes.recipe.train_on_tokens", note)
    emphasised = {**recipe, "masked": {**recipe["masked"], "emphasis": {"raise_hand": 3.0}}}
    for kind in ("masked", "residual"):
        STAGES[kind](dataset, work, emphasised, log=lambda line: None)
    assert dataset.ids("train") == ["walk", "left"]
    assert drawn["masked"] == pytest.approx([0.25, 0.75]) and drawn["residual"] == pytest.approx([0.5, 0.5])


def test_the_judge_goes_on_from_moclips_encoder_and_is_the_one_that_is_packed(work, dataset, tmp_path):
    pack(dataset, work, tmp_path / "toy", name="toy", description="d", log=lambda line: None)
    packed, _ = load_weights(tmp_path / "toy" / "motion.safetensors")
    judged, config = load_weights(work / "judge" / "moclip.safetensors")
    assert config["motion"]["cross_limb"] and config["unfreeze"] == "never"
    assert all(np.array_equal(packed[name], judged[f"motion.{name}"]) for name in packed)
    before, _ = load_weights(work / "moclip.safetensors")
    step = np.abs(judged["motion.embed.weight"] - before["motion.embed.weight"]).max()
    assert 0 < step < 0.01  # four steps away, not made anew
    student, _ = load_weights(work / "text.safetensors")
    assert all(np.array_equal(judged[f"student.{name}"], student[name]) for name in student)


def test_the_packed_model_is_whole_and_generates(work, dataset, tmp_path):
    pack(dataset, work, tmp_path / "toy", name="toy", description="d", log=lambda line: None)
    assert verify_model(str(tmp_path / "toy")) == []
    engine = TextToMotion.load(str(tmp_path / "toy"), runtime="onnx")
    assert (engine.name, engine.licence) == ("toy", "CC0")
    assert engine.generate([Request("a person walks", 2.0)])[0].motion.frames == 40


def test_the_evaluator_is_trained_from_the_dataset_alone(dataset, recipe, tmp_path):
    from moclip.evaluation.evaluator import load_evaluator

    words = {word: row for row, word in enumerate(("unk", "sos", "eos", "a", "walk"))}
    (tmp_path / "our_vab_idx.pkl").write_bytes(pickle.dumps(words))
    np.save(tmp_path / "our_vab_data.npy", np.random.default_rng(0).standard_normal((5, 6)))
    part = {**recipe["evaluator"], "glove": str(tmp_path)}
    EXTRA_STAGES["evaluator"](dataset, tmp_path / "work", {"evaluator": part}, log=lambda line: None)
    network = load_evaluator(tmp_path / "work" / "evaluator.safetensors")
    assert network.table.vocabulary == ("a", "eos", "sos", "unk")  # the only tagged word of the captions
    assert network.embed_motions([dataset.load("walk")]).shape == (1, 8)


def test_a_new_tower_has_its_captions_embedded_anew(work, dataset, recipe, tmp_path):
    import shutil

    other = tmp_path / "other"
    shutil.copytree(work, other)
    lines: list[str] = []
    STAGES["tokens"](dataset, other, recipe, log=lines.append)
    assert lines == []  # nothing changed, nothing to do
    shutil.copy(other / "tower.safetensors", other / "text.safetensors")
    STAGES["tokens"](dataset, other, recipe, log=lines.append)
    assert any("captions" in line for line in lines)


@pytest.mark.parametrize(("stage", "needs"), [("moclip", "tower"), ("tokens", "text"), ("masked", "text")])
def test_a_stage_without_the_one_before_it_says_so(dataset, recipe, tmp_path, stage, needs):
    with pytest.raises(MoclipError, match=f"no .*{needs}.safetensors") as caught:
        STAGES[stage](dataset, tmp_path, recipe, log=lambda line: None)
    # "text" is made by the stage "moclip": the hint names a command that exists.
    assert f"moclip train {'moclip' if needs == 'text' else needs}" in caught.value.hint


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("[rvq]", "[rvq", "cannot be read"),
        ("[rvq]", "[rwq]", "no stage 'rwq'"),
        ("quantizers = 3", "quantisers = 3", "quantisers"),
        ("steps = 4", "stepz = 4", "stepz"),
        ("batch = 4", "", "batch"),
        ("{ isotropic = 0.1 }", "0.1", r"text_noise\] is not a table"),
        ("[rvq]", "[dataset]\nsequenzes = 3\n[rvq]", "sequenzes"),
        ("[rvq]", "dataset = 3\n[rvq]", r"\[dataset\] is not a table"),
    ],
)
def test_mistakes_in_a_recipe_are_one_sentence(dataset, tmp_path, old, new, says):
    path = tmp_path / "wrong.toml"
    path.write_text(RECIPE.replace(old, new))
    with pytest.raises(MoclipError, match=says):
        STAGES["rvq"](dataset, tmp_path, load_recipe(path), log=lambda line: None)


def test_a_recipe_without_the_stages_table_is_one_sentence(dataset, tmp_path):
    with pytest.raises(MoclipError, match=r"no table \[rvq\]"):
        STAGES["rvq"](dataset, tmp_path, {}, log=lambda line: None)


def test_a_missing_recipe_is_one_sentence(tmp_path):
    with pytest.raises(MoclipError, match="nowhere.toml"):
        load_recipe(tmp_path / "nowhere.toml")


def test_the_papers_recipe_has_the_papers_settings(tmp_path, monkeypatch):
    from moclip.alignment.motion_encoder import MotionEncoder, MotionEncoderConfig
    from moclip.alignment.presets import AlignmentConfig, with_preset
    from moclip.recipes import recipe as stages

    part = with_preset(load_recipe(Path("paper"))["moclip"])
    config, schedule = AlignmentConfig(**part["alignment"]), stages.Schedule(**part["schedule"])
    assert config.unfreeze_step(schedule.steps) == pytest.approx(35 * 23384 / 128, rel=2e-3)
    assert config.rates(schedule, 0) == pytest.approx((1e-4, 1e-6)) and config.tether_weight == 0.4
    with torch.device("meta"):
        encoder = MotionEncoder(MotionEncoderConfig(**part["motion"]))
    assert round(sum(p.numel() for n, p in encoder.named_parameters() if not n.startswith("limbs")) / 1e6, 1) == 156.5
    asked = []

    def fetched(*names):
        asked.append(names)
        return TextTower(TowerConfig(width=32, heads=2, layers=1, embed_dim=16))

    monkeypatch.setattr(stages, "load_open_clip_tower", fetched)
    for _ in range(2):  # the second time it is read from the work folder
        arrays, sizes = stages.load_teacher(tmp_path, part["tower"])
    assert asked == [("ViT-B-32-quickgelu", "openai")] and sizes["embed_dim"] == 16


def test_the_whole_recipes_have_every_stage():
    stages = {name for name in STAGES if name != "tokens"}
    embedded = load_recipe()
    assert set(embedded) == stages | set(EXTRA_STAGES) | {"dataset", "sampling"}
    assert BuildOptions(**embedded["dataset"]).without == ["soccer"]
    permissive = load_recipe(Path("permissive"))
    assert set(permissive) == stages | {"dataset"} and permissive["dataset"]["permissive"]


def test_the_ablations_recipe_makes_its_own_teacher_and_start():
    from moclip.text.teacher import MINILM

    recipe = load_recipe(Path("ablation"))
    assert set(recipe) == {"tower", "start", "moclip"} and recipe["tower"]["teacher"] == MINILM
