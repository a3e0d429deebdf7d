# SPDX-License-Identifier: Apache-2.0
"""A model knows its actions from others: what is learnt from sentences, what is warned of, what it tells of itself."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from checkout import ROOT

from moclip.captions.action_menu import menu_rows
from moclip.captions.action_phrases import ACTIONS
from moclip.captions.written import written_elsewhere
from moclip.errors import MoclipError
from moclip.generate.familiarity import FAR, Examples, Familiar, Familiarity, KnownActions, is_unfamiliar
from moclip.nn.checkpoint import load_weights, save_weights
from moclip.recipes.edges import learn, strange_sentences, styled_sentences
from moclip.recognition.config import ActionClass
from moclip.recognition.text_classifier import TextClassifier
from moclip.recognition.train_text import train_text_classifier
from moclip.recognition.train_wording import train_wording
from moclip.recognition.wording import Wording

KNOWN = {
    ActionClass("walk"): [
        f"a {who} walks {where}" for who in ("man", "woman", "child") for where in ("ahead", "home", "along")
    ],
    ActionClass("wave"): [
        f"the {who} waves {how}" for who in ("guest", "girl", "sailor") for how in ("goodbye", "hello", "slowly")
    ],
}


def bag_of_words(texts):
    """(N, 64): a text vector that knows which words there are."""
    vectors = np.zeros((len(texts), 64), np.float32)
    for row, text in zip(vectors, texts, strict=True):
        for word in text.lower().split():
            row[sum(map(ord, word[:4])) * 31 % 64] += 1
    return vectors


def read(actions, *texts):
    """(N, A + 1) what the texts ask for."""
    return actions.read(texts, bag_of_words(texts))


def test_strange_sentences_move_in_no_word_of_the_known():
    found = strange_sentences(KNOWN, 150)
    assert 20 < len(found) == len(set(found)) <= 150 and found == strange_sentences(KNOWN, 150)
    assert not [text for text in found if "walk" in text or "wave" in text.lower().split()]
    # What the captions have is not strange any more.
    swims = {**KNOWN, ActionClass("swim"): ["a man swims", "she swims", "they swim along"]}
    assert any("swim" in text.lower() for text in strange_sentences(KNOWN, 400))
    assert not any("tired" in text.lower().split() for text in strange_sentences(KNOWN, 2000))  # a tired man may walk
    assert not any("swim" in text.lower() for text in strange_sentences(swims, 400))


def test_known_actions_are_told_from_strange_ones():
    held_out = ["the nurse walks along", "a sailor waves goodbye"]
    table = learn(KNOWN, held_out, bag_of_words, strange=150)
    assert table.classes == (("walk", ""), ("wave", ""))
    actions = replace(table, threshold=0.5)
    assert actions.nearest_to_unknown(read(actions, "the girl walks home")) is None
    assert actions.nearest_to_unknown(read(actions, "someone paddles a canoe")) is not None
    # One strange clause is enough.
    assert actions.nearest_to_unknown(read(actions, "the girl walks home", "paddles a canoe")) is not None
    assert 0.05 <= table.threshold <= 0.95


def test_a_text_is_moved_toward_the_captions_of_what_it_names():
    table = learn(KNOWN, [], bag_of_words, strange=150)
    for row, captions in enumerate(KNOWN.values()):
        assert np.allclose(table.prototypes[row], bag_of_words(captions).mean(axis=0))
    walks, canoe = next(iter(KNOWN.values()))[0], "someone paddles a canoe"
    text, shares = bag_of_words([walks]), read(table, walks)
    moved = table.toward_prototypes(text, shares, [""], 0.4)
    walk = shares[0, 0]
    assert walk > 0.5 and moved.dtype == text.dtype
    assert np.allclose(moved, (1 - 0.4 * walk) * text + 0.4 * walk * table.prototypes[0], atol=0.05)
    assert table.toward_prototypes(text, shares, [""], 0.0) is text
    near, far = (
        np.linalg.norm(table.toward_prototypes(bag_of_words([one]), read(table, one), [""], 0.4) - bag_of_words([one]))
        for one in (walks, canoe)
    )
    assert far < 0.5 * near, "what names nothing that is known stays what it is"
    assert replace(table, prototypes=None).toward_prototypes(text, shares, [""], 0.4) is text


def test_a_style_that_nobody_recorded_makes_an_action_no_strange_one():
    walk, wave, tired_walk = (ActionClass(name) for name in ("walk", "wave", "tired_walk"))
    styled = styled_sentences((walk, wave))
    assert list(styled) == [walk, wave] and min(map(len, styled.values())) > 200

    def tired(sentences):
        return sum(any(word in sentence.lower() for word in ("tired", "exhaust", "weary")) for sentence in sentences)

    # What has a name of its own is asked for by that.
    named = styled_sentences((walk, wave, tired_walk))
    assert tired(named[walk]) < 0.3 * tired(styled[walk])  # a writer's own, of a plain walk
    yawns = [f"a tired {who} yawns {how}" for who in ("man", "girl", "nurse") for how in ("loudly", "again", "twice")]
    plain, told = (learn(KNOWN, [], bag_of_words, strange=40, written=yawns, styled=more) for more in (None, styled))
    (asked,), (before,) = (read(table, "a tired nurse waves") for table in (told, plain))
    assert asked.argmax() == 1 and asked[-1] < 0.5 * before[-1]
    assert np.allclose(told.prototypes, plain.prototypes)


def test_written_sentences_of_other_things_are_learnt():
    sailing = [f"the {who} hoists {what}" for who in ("man", "girl", "crew") for what in ("sails", "flags", "ropes")]
    alone, told = (learn(KNOWN, [], bag_of_words, strange=40, written=written) for written in ((), sailing[:-1]))
    unknown = [read(table, sailing[-1])[0, -1] for table in (alone, told)]
    assert unknown[1] > max(unknown[0], 0.9)


def test_nothing_that_a_model_can_do_is_written_of_as_strange():
    sentences = written_elsewhere()
    assert len(sentences) == len(set(sentences)) > 600 and all(s == s.strip() != "" for s in sentences)
    assert not [sentence for sentence in sentences if "\t" in sentence]
    left = written_elsewhere({"shrug", "laugh"})
    assert set(sentences) - set(left) >= {"shrug", "a man shrugs his shoulders", "evil laughter"}
    assert "nodding in agreement" in left and "nodding in agreement" not in written_elsewhere({"nod"})
    lines = (ROOT / "moclip/captions/written_sentences/elsewhere.tsv").read_text(encoding="utf-8").splitlines()
    assert {line.partition("\t")[2] for line in lines} - {""} <= set(ACTIONS)


def test_a_classifier_parts_what_no_line_parts_and_its_file_holds_it():
    rng = np.random.default_rng(0)
    turns = np.arange(6) * np.pi / 3
    labels = np.repeat(np.arange(6) % 2, 20)  # every other sixth of a circle
    around = np.repeat(turns, 20) + rng.normal(0, 0.1, 120)
    points = np.stack([np.cos(around), np.sin(around)], axis=1)
    found = train_text_classifier(points, labels, 2)
    assert (found.probabilities(5 * points).argmax(axis=1) == labels).all()
    again = TextClassifier.of_arrays(found.to_arrays())
    assert found.dim == again.dim == 2 and found.units == again.units
    assert np.abs(again.probabilities(points) - found.probabilities(points)).max() < 0.01
    assert np.array_equal(found.weights, train_text_classifier(points, labels, 2).weights)


def test_a_classifier_without_hidden_units_reads_the_vectors_themselves():
    plain = TextClassifier(np.array([[9.0, 0], [0, 9.0], [0, 0]]), np.zeros(3))
    assert plain.probabilities(np.eye(2) * 4).argmax(axis=1).tolist() == [0, 1] and plain.dim == 2
    assert set(plain.to_arrays()) == {"weights", "biases"}


@pytest.mark.parametrize(
    "shapes", [((3, 2), (2,)), ((3, 2), (3,), (4, 8), (4,)), ((3, 4), (3,), (4, 8), (3,)), ((3, 4), (3,), (4, 8))]
)
def test_a_classifier_whose_parts_do_not_fit_is_none(shapes):
    with pytest.raises(ValueError, match="weights"):
        TextClassifier(*map(np.zeros, shapes))


def test_words_say_what_vectors_do_not(tmp_path):
    goals = ("home", "ahead", "over to the chair", "to the table")
    walks = [f"the {who} walks {goal}" for who in ("man", "girl", "nurse") for goal in goals]
    sits = [f"{who} sits on the {what}" for who in ("he", "she", "a man") for what in ("chair", "couch", "bench")]
    texts, labels = walks + sits, np.repeat([0, 1], [len(walks), len(sits)])
    wording = train_wording(texts, labels, 3)
    assert (wording.probabilities(texts).argmax(axis=1) == labels).all()
    asked = ["the girl walks toward a chair", "the girl wallks", "someone sitting"]  # new words, a typo, another form
    assert wording.probabilities(asked).argmax(axis=1).tolist() == [0, 0, 1]
    assert np.array_equal(wording.vectors, train_wording(texts, labels, 3).vectors)
    # What has no word that is known says nothing.
    assert np.allclose(wording.probabilities(["", "\u8d70"]), wording.probabilities(["?"]))
    save_weights(tmp_path / "wording.safetensors", wording.to_arrays(), {}, kept="int8")
    again = Wording.of_arrays(load_weights(tmp_path / "wording.safetensors")[0])
    assert np.abs(again.probabilities(texts) - wording.probabilities(texts)).max() < 0.02
    walk, sit = (ActionClass(name) for name in ("walk", "sit"))
    blind = TextClassifier(np.zeros((3, 2)), np.zeros(3))
    alone, both = KnownActions((walk, sit), blind, 0.5), KnownActions((walk, sit), blind, 0.5, wording=wording)
    (mean,) = both.read(["sits down"], np.ones((1, 2)))
    assert np.allclose(alone.read(["sits down"], np.ones((1, 2))), 1 / 3)
    assert np.allclose(mean, 0.4 / 3 + 0.6 * wording.probabilities(["sits down"])[0])


@pytest.mark.parametrize("keys", [[1, 1], [2, 1], [1, 2, 3]])
def test_words_whose_table_does_not_fit_are_none(keys):
    with pytest.raises(ValueError, match="keys, vectors, weights and biases"):
        Wording(np.array(keys, np.uint32), np.zeros((2, 4)), np.zeros((3, 4)), np.zeros(3))


def test_every_action_has_one_place_in_the_menu():
    rows = menu_rows(ACTIONS)
    assert len(rows) == len(ACTIONS) == len({row["name"] for row in rows}) == len({row["example"] for row in rows})
    assert menu_rows(["bow", "walk"]) == [
        {"group": "On foot", "name": "Walk", "example": "a person walks forward"},
        {"group": "Gestures", "name": "Bow", "example": "a person bows"},
    ]


def test_a_warning_names_what_is_nearest():
    weights = np.array([[9.0, 0, 0], [0, 9.0, 0], [0, 0, 9.0]])
    classifier = TextClassifier(weights, np.zeros(3))
    actions = KnownActions((ActionClass("pick_up"), ActionClass("walk")), classifier, 0.5)
    familiarity = Familiarity(np.eye(3), -1.0, actions)
    picks, walks, strange = (actions.read([""], one[None]) for one in (*np.eye(3)[:2], np.array([0.4, 0.1, 0.9])))
    judged = familiarity.judge(np.eye(3), [picks, walks, strange])
    assert [(prompt.far, prompt.nearest) for prompt in judged] == [
        (False, ()),
        (False, ()),
        (True, ("pick up", "walk")),
    ]
    told = [prompt.warnings for prompt in judged]
    assert told == [[], [], [f"{FAR} The nearest that it can do: pick up, walk."]]
    assert is_unfamiliar(told[2][0]) and is_unfamiliar(FAR) and not is_unfamiliar("The prompt was shortened.")
    # Far in its words is told where the action seems known.
    (words,) = Familiarity(np.eye(3), 1.1, actions).judge(np.eye(3)[:1], [picks])
    assert words.far and words.nearest == ("pick up", "walk")
    (wordless,) = Familiarity(np.eye(3), 1.1).judge(np.eye(3)[:1], [None])
    assert wordless.warnings == [FAR]


def test_a_model_without_a_table_names_what_its_menu_has():
    menu = [{"name": "Walk", "example": "walk"}, {"name": "Pick up", "example": "take"}, {"example": "nameless"}]
    asked = []

    def embed(sentences):
        asked.append(list(sentences))
        return np.eye(3)[:2] * 4

    examples = Examples(menu, embed)
    familiarity = Familiarity(np.eye(3), 0.9, None, examples)
    assert familiarity.judge(np.eye(3), [None] * 3) == [Familiar()] * 3 and asked == []
    far = np.array([[0.1, 0.8, 0.7], [0.8, 0.1, 0.7]])
    told = familiarity.judge(far, [None, None])
    assert told == [Familiar(True, ("pick up", "walk")), Familiar(True, ("walk", "pick up"))]
    assert asked == [["walk", "take"]] and Examples([], embed).nearest(far[0]) == ()


def test_a_model_tells_its_actions_and_warns_of_others(tmp_path, moclip):
    pytest.importorskip("torch", reason="the model is made here")
    from tiny_model import make_tiny_model

    from moclip.generate.pipeline import TextToMotion
    from moclip.prompts.requests import Request
    from moclip_backend.engine import Stages
    from moclip_backend.server.models import Models
    from moclip_backend.server.welcome import welcome

    folder = make_tiny_model(tmp_path / "tiny")
    details = json.loads((folder / "model.json").read_text())
    told = [{"name": "Walk", "example": "a person walks"}, {"name": "Sit down", "example": "sits down on a chair"}]
    (folder / "model.json").write_text(json.dumps({**details, "actions": told}))
    # Whatever is asked for is unknown to this table.
    arrays = {"weights": np.zeros((3, 16), np.float16), "biases": np.array([0.0, 1.0, 5.0], np.float32)}
    config = {"kind": "actions", "names": ["walk", "sit_down"], "threshold": 0.5}
    save_weights(folder / "actions.safetensors", arrays, config)
    engine = TextToMotion.load(str(folder), runtime="onnx")
    warnings = engine.generate([Request("a man walks, then sits down", 2.0)])[0].warnings
    assert warnings == (f"{FAR} The nearest that it can do: sit down, walk.",)
    (told_before,) = engine.familiar(["a man walks, then sits down"])
    assert told_before.far and told_before.nearest == ("sit down", "walk") and engine.familiar([]) == []
    assert "familiarity" in welcome(engine, Stages.of(engine), Models(engine), resumed=False)["features"]
    assert welcome(engine, Stages.of(engine), Models(engine), resumed=False)["actions"] == told
    code, out, _ = moclip("models", "info", str(folder), "--json")
    assert code == 0 and json.loads(out)["actions"] == told
    one_too_many = {**arrays, "prototypes": np.zeros((3, 16), np.float16)}
    four = Wording(np.arange(2, dtype=np.uint32), np.zeros((2, 8)), np.zeros((4, 8)), np.zeros(4)).to_arrays()
    damages = [
        ("actions", arrays, {**config, "names": ["walk"]}), ("actions", one_too_many, config), ("wording", four, {}),
        ("wording", {"keys": four["keys"]}, {}),
    ]  # fmt: skip
    for number, (table, tables, told) in enumerate(damages):
        damaged = shutil.copytree(folder, tmp_path / f"damaged{number}")
        save_weights(damaged / f"{table}.safetensors", tables, told)
        with pytest.raises(MoclipError, match="damaged"):
            TextToMotion.load(str(damaged), runtime="onnx")


def test_what_is_unknown_asks_for_nothing_that_is_known():
    classifier = TextClassifier(9 * np.eye(3), np.zeros(3))
    known = KnownActions((ActionClass("fly"), ActionClass("walk")), classifier, 0.5)
    flies, walks, unknown = known.read([""] * 3, np.eye(3))
    assert known.share_of(np.stack([walks, flies]), {"fly"}) > 0.9
    assert known.share_of(np.stack([walks, unknown]), {"fly"}) < 0.1
