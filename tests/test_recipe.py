# SPDX-License-Identifier: Apache-2.0
"""The whole recipe at toy sizes: every stage after the tower, the pack, and the model that comes out."""

import json
import pickle
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch")
pytest.importorskip("open_clip", reason="the text tower is open_clip's")
pytest.importorskip("onnx", reason="packing writes graphs with onnx")

from toy_dataset import make_toy_dataset  # noqa: E402

from moclip.data.build import BuildOptions  # noqa: E402
from moclip.data.clips import only  # noqa: E402
from moclip.data.folder import DatasetFolder  # noqa: E402
from moclip.errors import MoclipError  # noqa: E402
from moclip.generate.pipeline import Request, TextToMotion  # noqa: E402
from moclip.models import verify_model  # noqa: E402
from moclip.nn.checkpoint import fingerprint, load_weights  # noqa: E402
from moclip.recipes.generators import generator_training  # noqa: E402
from moclip.recipes.pack import pack  # noqa: E402
from moclip.recipes.recipe import (  # noqa: E402
    ClipsTable,
    MoclipTable,
    PublishTable,
    compute_of,
    load_recipe,
    network_settings,
    settings,
    with_compute,
)
from moclip.recipes.shown import clips_that_show  # noqa: E402
from moclip.recipes.stages import EXTRA_STAGES, STAGES, stages_in, stages_of  # noqa: E402
from moclip.text.tower import TextTower, TowerConfig, save_tower  # noqa: E402
from moclip.training.run import Compute  # noqa: E402

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
    + "[recogniser]\nbatch = 4\nsizes = { width = 16, blocks = 2 }\n"
    + "[evaluator]\nbatch = 4\n[evaluator.sizes]\nmovement = 8\ntext_hidden = 8\nmotion_hidden = 8\nembed_dim = 8\n"
    + "".join(
        SCHEDULE.format(name)
        for name in ("rvq", "decoder", "moclip", "judge", "masked", "residual", "length", "recogniser", "evaluator")
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

    def note(kind, _learner, _config, data, *_rest, **_options):
        drawn[kind] = data.train.weights

    monkeypatch.setattr("moclip.recipes.stages.train_on_tokens", note)
    emphasised = {**recipe, "masked": {**recipe["masked"], "emphasis": {"raise_hand": 3.0}}}
    for kind in ("masked", "residual"):
        STAGES[kind](dataset, work, emphasised, log=lambda line: None)
    assert dataset.ids("train") == ["walk", "left"]
    assert drawn["masked"] == pytest.approx([0.25, 0.75]) and drawn["residual"] == pytest.approx([0.5, 0.5])


def test_clips_that_do_not_show_their_label_are_left_out_where_the_recipe_says_so(work, recipe, tmp_path, monkeypatch):
    folder = make_toy_dataset(tmp_path / "data")
    lines = (folder.path / "clips.jsonl").read_text().splitlines()
    # The raised hand is said to be a walk, as are two copies of the walk.
    lines[2] = lines[2].replace('"raise_hand"', '"walk"')
    for copy in ("walk2", "walk3"):
        lines.append(lines[0].replace('"id": "walk"', f'"id": "{copy}"'))
        for part, suffix in (("new_joint_vecs", "npy"), ("texts", "txt")):
            source = folder.path / part / f"walk.{suffix}"
            source.with_stem(copy).write_bytes(source.read_bytes())
    (folder.path / "clips.jsonl").write_text("\n".join(lines))
    (folder.path / "train.txt").write_text("walk\nwalk2\nleft\nwalk3")
    folder = DatasetFolder(folder.path)
    shown = clips_that_show(folder, "train", tmp_path)
    assert shown.tolist() == [True, True, False, True]
    monkeypatch.setattr("moclip.recipes.shown.shows", None)  # what is kept is not judged again
    assert clips_that_show(folder, "train", tmp_path).tolist() == shown.tolist()
    # What a codec makes something else of is left out, too; not where it does so of nearly all.
    walk, hand = folder.load("walk"), folder.load("left")
    for lost, still in (([1], [True, False, False, True]), ([0, 1, 3], [True, True, False, True])):
        copies = SimpleNamespace(
            key=f"{lost}", features=lambda rows, lost=lost: [(row, hand if row in lost else walk) for row in rows]
        )
        monkeypatch.undo()
        assert clips_that_show(folder, "train", tmp_path, rebuilt=copies).tolist() == still
        monkeypatch.setattr("moclip.recipes.shown.shows", None)
        assert clips_that_show(folder, "train", tmp_path, rebuilt=copies).tolist() == still
    weights = only(np.array([0.1, 0.1, 0.6, 0.2]), ["walk:", "walk:", "raise:", "walk:"], shown)
    assert weights == pytest.approx([0.25, 0.25, 0.0, 0.5])
    # What shows its action, but not clearly, is left out as well; not where hardly a clip shows it clearly.
    for dim, still in (([1], [True, False, False, True]), ([0, 1, 3], [True, True, False, True])):
        seen = iter([row not in dim for row in (0, 1, 3)])
        monkeypatch.undo()
        monkeypatch.setattr("moclip.recipes.shown.shows_clearly", lambda *_, seen=seen: next(seen))
        (tmp_path / "shown.train.json").unlink()
        assert clips_that_show(folder, "train", tmp_path).tolist() == still
    # Of a group the others are drawn for what is left out.
    assert only(np.array([0.1, 0.1, 0.6, 0.2]), ["a", "b", "b", "a"], shown) == pytest.approx([0.1, 0.7, 0.0, 0.2])


def test_a_residual_transformer_of_fewer_layers_than_the_codec_leaves_the_finest_out(
    work, dataset, recipe, tmp_path, monkeypatch
):
    own = tmp_path / "work"
    shutil.copytree(work, own)
    changes = {"quantizers": 2, "share_weight": False, "codebook_start": True, "own_layer": True}
    sizes = {**recipe["residual"]["sizes"], **changes}
    fewer = {**recipe, "residual": {**recipe["residual"], "sizes": sizes}}
    STAGES["residual"](dataset, own, fewer, resume=False, log=lambda line: None)
    tuned = []
    monkeypatch.setattr("moclip.recipes.stages.train_decoder", lambda *_, **options: tuned.append(options["drawn"]))
    for each in (fewer, recipe):
        STAGES["decoder"](dataset, own, each, log=lambda line: None)
    assert tuned == [2, None], "the decoder is tuned on the layers that are drawn"
    assert load_weights(own / "residual.safetensors")[1]["quantizers"] == 2
    pack(dataset, own, tmp_path / "toy", name="toy", description="d", log=lambda line: None)
    assert verify_model(str(tmp_path / "toy")) == []
    engine = TextToMotion.load(str(tmp_path / "toy"), runtime="onnx")
    codes = engine.generate([Request("a person walks", 2.0)])[0].tokens
    assert codes.shape[1] == 3 and (codes[:, :2] >= 0).all() and (codes[:, 2] == -1).all()
    again = engine.generate([Request("a person walks", 2.0, before=engine.generate([Request("walks", 2.0)])[0].motion)])
    assert again[0].motion.frames == 80


def test_tokens_may_be_of_two_frames(work, dataset, recipe, tmp_path):
    own = tmp_path / "work"
    own.mkdir()
    shutil.copyfile(work / "tower.safetensors", own / "tower.safetensors")
    sizes = {**recipe["rvq"]["sizes"], "down_t": 1}
    finer = {**recipe, "rvq": {**recipe["rvq"], "sizes": sizes, "root_weight": 0.3, "added_layers": 2}}
    for name, stage in STAGES.items():
        if name != "tower":
            stage(dataset, own, finer, log=lambda line: None)
    codec = load_weights(own / "rvq.safetensors")[1]
    assert codec["root_weight"] == 0.3 and codec["quantizers"] == sizes["quantizers"] + 2
    once = (own / "rvq.safetensors").read_bytes()
    for added in (2, 1):
        STAGES["rvq"](dataset, own, {**finer, "rvq": {**finer["rvq"], "added_layers": added}}, log=lambda line: None)
        assert (own / "rvq.safetensors").read_bytes() == once
    assert load_weights(own / "length.safetensors")[1]["classes"] == 99
    pack(dataset, own, tmp_path / "toy", name="toy", description="d", log=lambda line: None)
    engine = TextToMotion.load(str(tmp_path / "toy"), runtime="onnx")
    made = engine.generate([Request("a person walks and then raises a hand", 9.8)])[0]
    assert made.motion.frames == 196 and len(made.tokens) == 98
    own_length = engine.generate([Request("a person walks", None)])[0].motion.frames
    assert 20 <= own_length <= 196
    after = engine.generate([Request("a person walks", 2.0, before=made.motion)])[0]
    assert after.motion.frames == 236


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


def test_a_recogniser_is_trained_and_packed(work, dataset, recipe, tmp_path):
    own = tmp_path / "work"
    shutil.copytree(work, own)
    assert list(stages_in(recipe)) == [*STAGES, "recogniser"]
    EXTRA_STAGES["recogniser"](dataset, own, recipe, log=lambda line: None)
    _, config = load_weights(own / "recogniser.safetensors")
    assert list(zip(config["actions"], config["sides"], strict=True)) == [("raise_hand", "left"), ("walk", "")]
    pack(
        dataset, own, tmp_path / "toy", name="toy", description="d", sampling={"retakes": 1}, in_int8=("recogniser",),
        publish=PublishTable(unlisted=("walk",)), log=lambda line: None,
    )  # fmt: skip
    packed, told = load_weights(tmp_path / "toy" / "recogniser.safetensors")
    assert told == config and set(packed) == set(load_weights(own / "recogniser.safetensors")[0])
    assert json.loads((tmp_path / "toy" / "model.json").read_text())["parameters"]["recogniser"] > 16 * 263
    assert verify_model(str(tmp_path / "toy")) == []
    engine = TextToMotion.load(str(tmp_path / "toy"), runtime="onnx")
    assert engine.generate([Request("a person walks", 2.0)])[0].motion.frames == 40
    # What is not listed is known all the same.
    assert [row["name"] for row in engine.repertoire["actions"]] == ["Raise a hand"]
    assert "walk" in load_weights(tmp_path / "toy" / "actions.safetensors")[1]["names"]
    pack(dataset, work, tmp_path / "toy", name="toy", description="d", log=lambda line: None)
    assert not (tmp_path / "toy" / "recogniser.safetensors").exists()  # the new one has none


def test_a_recogniser_needs_clips_that_say_what_they_show(work, dataset, recipe, tmp_path):
    own = make_toy_dataset(tmp_path / "data")
    lines = [json.loads(line) for line in (own.path / "clips.jsonl").read_text().splitlines()]
    told = "".join(json.dumps({**line, "actions": []}) + "\n" for line in lines)
    (own.path / "clips.jsonl").write_text(told)
    with pytest.raises(MoclipError, match="does not say which single actions"):
        EXTRA_STAGES["recogniser"](DatasetFolder(own.path), shutil.copytree(work, tmp_path / "w"), recipe,
                                   log=lambda line: None)  # fmt: skip


def test_a_model_packed_beside_another_has_no_second_copy_of_its_networks(work, dataset, tmp_path):
    for name, beside in (("first", None), ("second", tmp_path / "first")):
        pack(dataset, work, tmp_path / name, name=name, description="d", beside=beside, log=lambda line: None)
    shares = json.loads((tmp_path / "second" / "model.json").read_text())["shares"]
    assert shares["text"] == "first" and not (tmp_path / "second" / "text.safetensors").exists()
    assert verify_model(str(tmp_path / "second")) == []


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
        ("[rvq]", "[rwq]", r"There is no stage 'rwq' \(did you mean 'rvq'\?\)"),
        ("[rvq]", 'generator = "momsk"\n[rvq]', r"There is no generator 'momsk' \(did you mean 'momask'\?\)"),
        ("[rvq]", "generator = 3\n[rvq]", "There is no generator '3'"),
        (
            "quantizers = 3",
            "quantisers = 3",
            r"In \[rvq.sizes\], there is no setting 'quantisers' \(did you mean 'quant",
        ),
        ("quantizers = 3", 'quantizers = "3"', r"In \[rvq.sizes\], quantizers is a whole number of 1 or more, not '3'"),
        ("quantizers = 3", "quantizers = 0", r"In \[rvq.sizes\], quantizers is a whole number of 1 or more, not 0"),
        ("heads = 2\nfeed", "heads = 3\nfeed", r"In \[masked.sizes\], width is a multiple of heads, not 16 for 3"),
        (
            "[masked.sizes]\nwidth = 16\nlayers = 1\nheads = 2\nfeed_forward = 16\n",
            "",
            r"In \[masked\], sizes is missing",
        ),
        ("steps = 4", "stepz = 4", r"In \[rvq.schedule\], there is no setting 'stepz'"),
        ("steps = 4", "steps = 0", r"In \[rvq.schedule\], steps is a whole number of 1 or more, not 0"),
        ("steps = 4\n", "", r"In \[rvq.schedule\], steps is missing, a whole number"),
        ("learning_rate = 5e-4", "learning_rate = 'fast'", "learning_rate is a number of 0 or more, not 'fast'"),
        ("batch = 4", "", r"In \[rvq\], batch is missing"),
        ("{ isotropic = 0.1 }", "0.1", r"In \[masked.text_noise\], a table of settings belongs, not 0.1"),
        ("[rvq]\n", "[rvq]\nemphasis = { dance = -1 }\n", r"In \[rvq.emphasis\], dance is a number of 0 or more"),
        ("frozen_share = 0.0", "frozen_share = 2", r"In \[moclip.alignment\], frozen_share is a number from 0 to 1"),
        ("frozen_share = 0.0", "unfreeze = 'all'", r"In \[moclip.alignment\], unfreeze is whole or layers or never"),
        ("[moclip]\n", "[moclip]\npreset = 'best'\n", "There is no preset 'best'"),
        ("[moclip]\n", "[moclip]\npreset = ['paper']\n", "There is no preset"),
        ("[moclip.motion]\n", "[moclip.motion]\npool = 'max'\n", r"In \[moclip.motion\], pool is mean or attention"),
        ("[rvq]\n", "compute = 3\n[rvq]\n", r"compute\] is not a table|\[compute\], a table of settings"),
        ("[rvq]\n", "[compute]\nprecision = 'half'\n[rvq]\n", "precision is float32 or bfloat16, not 'half'"),
        ("[judge]\n", "[judge.compute]\nchunks = 0\n[judge]\n", r"In \[judge.compute\], chunks is a whole number of 1"),
        ("[rvq]", "[dataset]\nsequenzes = 3\n[rvq]", r"In \[dataset\], there is no setting 'sequenzes'"),
        ("[rvq]", "[dataset]\nwithout = 'soccer'\n[rvq]", r"In \[dataset\], without is a list, each a text"),
        ("[rvq]", "[publish]\nwithout = ['marsh']\n[rvq]", r"no action 'marsh' \(did you mean 'march'\?\)"),
        ("[rvq]", "[weights]\nint8 = ['texts']\n[rvq]", r"In \[weights\], 'texts' is no .* \(did you mean 'text'\?\)"),
        ("[rvq]", "[weights]\nint8 = ['rvq']\n[rvq]", r"'rvq' is no network to be kept in int8 \(there is"),
        ("[rvq]", "[publish]\nunlisted = ['marsh']\n[rvq]", r"no action 'marsh' \(did you mean 'march'\?\)"),
        ("[rvq]", "[publish]\nwithout = 'march'\n[rvq]", r"In \[publish\], without is a list, each a text"),
        ("[rvq]", "dataset = 3\n[rvq]", r"\[dataset\] is not a table"),
        ("[rvq]", "[sampling]\nwindo = 3\n[rvq]", r"In \[sampling\], there is no setting 'windo'"),
        ("[evaluator]\n", "[evaluator]\nglove = 3\n", r"In \[evaluator\], glove is a text, not 3"),
    ],
)
def test_mistakes_in_a_recipe_are_one_sentence(tmp_path, old, new, says):
    path = tmp_path / "wrong.toml"
    changed = RECIPE.replace(old, new, 1)
    assert changed != RECIPE
    path.write_text(changed)
    with pytest.raises(MoclipError, match=says) as caught:
        load_recipe(path)
    assert "wrong.toml" in str(caught.value) and caught.value.hint


def test_a_recipe_without_the_stages_table_is_one_sentence(dataset, tmp_path):
    with pytest.raises(MoclipError, match=r"no table \[rvq\]"):
        STAGES["rvq"](dataset, tmp_path, {}, log=lambda line: None)


def test_a_missing_recipe_is_one_sentence(tmp_path):
    with pytest.raises(MoclipError, match="nowhere.toml"):
        load_recipe(tmp_path / "nowhere.toml")


def test_the_papers_recipe_has_the_papers_settings(tmp_path, monkeypatch):
    from moclip.alignment.motion_encoder import MotionEncoder
    from moclip.recipes import work

    part = settings(load_recipe(Path("paper")), "moclip", MoclipTable)
    config, schedule = part.alignment, part.schedule
    assert config.unfreeze_step(schedule.steps) == pytest.approx(35 * 23384 / 128, rel=2e-3)
    assert config.rates(schedule, 0) == pytest.approx((1e-4, 1e-6)) and config.tether_weight == 0.4
    with torch.device("meta"):
        encoder = MotionEncoder(part.motion)
    assert round(sum(p.numel() for n, p in encoder.named_parameters() if not n.startswith("limbs")) / 1e6, 1) == 156.5
    asked = []

    def fetched(*names):
        asked.append(names)
        return TextTower(TowerConfig(width=32, heads=2, layers=1, embed_dim=16))

    monkeypatch.setattr(work, "load_open_clip_tower", fetched)
    for _ in range(2):  # the second time it is read from the work folder
        arrays, sizes = work.load_teacher(tmp_path, part.tower)
    assert asked == [("ViT-B-32-quickgelu", "openai")] and sizes["embed_dim"] == 16


def test_the_whole_recipes_have_every_stage():
    stages = {name for name in STAGES if name != "tokens"}
    embedded = load_recipe()
    assert set(embedded) == stages | set(EXTRA_STAGES) - {"recogniser"} | {"dataset", "sampling", "weights"}
    assert BuildOptions(**embedded["dataset"]).without_licences == ["BY-SA"]
    opened = load_recipe(Path("open"))
    assert set(opened) == set(embedded) | {"publish", "recogniser"} and BuildOptions(**opened["dataset"]).permissive
    permissive = load_recipe(Path("permissive"))
    assert set(permissive) == stages | {"dataset"} and permissive["dataset"]["permissive"]


@pytest.mark.parametrize("generator", ["bamm", "bad"])
def test_the_other_generators_recipes_have_every_stage_of_theirs(generator):
    recipe = load_recipe(Path(generator))
    stages = set(stages_of(generator)) - {"tokens"}
    assert recipe["generator"] == generator and set(recipe) == stages | {"dataset", "sampling", "generator"}


def test_the_ablations_recipe_makes_its_own_teacher_and_start():
    from moclip.text.teacher import MINILM

    recipe = load_recipe(Path("ablation"))
    assert set(recipe) == {"tower", "start", "moclip"} and recipe["tower"]["teacher"] == MINILM


def test_each_stage_computes_as_its_table_says_else_as_the_recipe_does_and_the_command_line_wins(tmp_path):
    path = tmp_path / "toy.toml"
    path.write_text(RECIPE + '[compute]\nprecision = "bfloat16"\nchunks = 2\n[decoder.compute]\nchunks = 4\n')
    recipe = load_recipe(path)
    assert settings(recipe, "moclip", MoclipTable).compute == Compute("cpu", "bfloat16", 2)
    assert settings(recipe, "decoder", ClipsTable).compute == Compute("cpu", "bfloat16", 4)
    asked = with_compute(recipe, device="cuda", precision="float32")
    assert settings(asked, "decoder", ClipsTable).compute == Compute("cuda", "float32", 4)
    assert network_settings(asked, "masked")[0].compute == Compute("cuda", "float32", 2)
    assert compute_of(with_compute({}, "mps")) == Compute("mps") and with_compute({}) == {}
    assert settings(recipe, "moclip", MoclipTable).compute.device == "cpu"  # the recipe itself is as it was
    paper = with_compute(load_recipe(Path("paper")), device="cpu")
    assert settings(paper, "moclip", MoclipTable).compute == Compute("cpu", "bfloat16")


DUMMY = """
from dataclasses import dataclass
from torch import nn
from moclip.generators.base.learners import Learner
from moclip.nn.config import Config, Count
from moclip.nn.networks import Network

@dataclass(frozen=True)
class DummyConfig(Config):
    text_dim: Count = 1
    codes: Count = 1
    word_dim: Count = 1
    hidden: Count = 4

class Dummy(Network):
    KIND = "dummy"
    CONFIG = DummyConfig
    def __init__(self, config):
        super().__init__(config)
        self.map = nn.Linear(config.text_dim + config.word_dim, config.codes)
    def forward(self, text, words):
        import torch
        return self.map(torch.cat([text, words[:, 0]], dim=-1))

def loss(network, batch):
    logits = network(batch.text, batch.words)
    return nn.functional.cross_entropy(logits, batch.codes[:, 0, 0]), {}

def adopt(network, vq):
    network.map.bias.data[: vq.config.codes] = 5.0

LEARNERS = {"dummy": Learner(Dummy, loss, words=lambda tower, tokens: tower.hidden(tokens)[0], adopt=adopt)}
"""


def test_a_generator_of_its_own_package_is_trained_without_a_change_elsewhere(work, dataset, tmp_path, monkeypatch):
    import shutil

    from moclip.generators.base import generator as registry

    package = tmp_path / "more" / "a_dummy_generator"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "train.py").write_text(DUMMY)
    (package / "generator.py").write_text(
        "from moclip.generators.momask.generator import MoMask\nclass GENERATOR(MoMask):\n    NAME = 'dummy'\n"
    )
    (package / "networks.py").write_text("from moclip.codecs.rvq import RVQ\nNETWORKS = {'rvq': RVQ}\n")
    monkeypatch.syspath_prepend(str(package.parent))
    known = {**registry.known_packages(), "dummy": package.name}
    monkeypatch.setattr(registry, "known_packages", lambda: known)
    (tmp_path / "dummy.toml").write_text('generator = "dummy"\n' + RECIPE)
    with pytest.raises(MoclipError, match="no stage 'masked'"):
        load_recipe(tmp_path / "dummy.toml")
    text = RECIPE[: RECIPE.index("[masked]")] + (
        "[dummy]\nbatch = 4\n[dummy.sizes]\nhidden = 3\n" + SCHEDULE.format("dummy") + SCHEDULE.format("rvq")
        + SCHEDULE.format("decoder") + SCHEDULE.format("moclip") + SCHEDULE.format("judge")
    )  # fmt: skip
    (tmp_path / "dummy.toml").write_text('generator = "dummy"\n' + text)
    recipe = load_recipe(tmp_path / "dummy.toml")
    assert list(stages_of("dummy")) == ["tower", "rvq", "decoder", "moclip", "tokens", "dummy"]
    shutil.copytree(work, tmp_path / "work")
    stages_of("dummy")["dummy"](dataset, tmp_path / "work", recipe, log=lambda line: None)
    arrays, config = load_weights(tmp_path / "work" / "dummy.safetensors")
    assert (config["codes"], config["text_dim"], config["word_dim"], config["hidden"]) == (12, 16, 32, 3)
    assert np.abs(arrays["map.bias"] - 5.0).max() < 0.1  # what it took of the VQ, four small steps ago
    with pytest.raises(MoclipError, match="There is no generator 'base'"):
        generator_training("base")


LEARNER = "[{0}]\nbatch = 4\n[{0}.sizes]\nwidth = 16\nheads = 2\nlayers = 1\nfeed_forward = 16\n"
OTHERS = {
    "bamm": LEARNER.format("bamm") + TRANSFORMER.format("residual"),
    "bad": LEARNER.format("bad") + "cross_layers = 1\nhead_layers = 1\n",
}


@pytest.mark.parametrize("generator", OTHERS)
def test_the_other_generators_are_trained_in_the_same_folder_packed_and_generate(work, dataset, tmp_path, generator):
    import shutil

    names = ["rvq", *generator_training(generator).learners]
    recipe = RECIPE[: RECIPE.index("[decoder]")] + OTHERS[generator] + "[length]\nbatch = 4\n"
    if generator == "bad":
        recipe = recipe.replace("quantizers = 3", "quantizers = 1")
    path = tmp_path / "other.toml"
    path.write_text(f'generator = "{generator}"\n' + recipe + "".join(SCHEDULE.format(name) for name in names))
    recipe, folder = load_recipe(path), tmp_path / "work"
    shutil.copytree(work, folder)
    before = (folder / "rvq.safetensors").read_bytes()
    for name in (["rvq"] if generator == "bad" else []) + names[1:]:
        stages_of(generator)[name](dataset, folder, recipe, log=lambda line: None)
    assert (folder / "rvq.safetensors").read_bytes() == before  # BAD's codes are its own
    if generator == "bad":
        for asked in ({"root_weight": 0.5}, {"added_layers": 2}):
            finer = {**recipe, "rvq": {**recipe["rvq"], **asked}}
            with pytest.raises(MoclipError, match="several layers"):
                stages_of(generator)["rvq"](dataset, folder, finer, log=lambda line: None)
    own = {} if generator == "bamm" else {"codes": 12, "word_dim": 32}
    _, config = load_weights(folder / f"{generator}.safetensors")
    assert own.items() <= config.items() and config["text_dim"] == 16
    pack(dataset, folder, tmp_path / "model", name="other", description="d", generator=generator, log=lambda line: None)
    assert verify_model(str(tmp_path / "model")) == []
    engine = TextToMotion.load(str(tmp_path / "model"), runtime="torch")
    assert engine.generate([Request("a person walks", 2.0)])[0].motion.frames == 40
