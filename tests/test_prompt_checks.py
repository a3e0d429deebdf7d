# SPDX-License-Identifier: Apache-2.0
"""The list of prompts, and how samples are counted."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from moclip.data.folder import DatasetFolder
from moclip.errors import MoclipError
from moclip.evaluation.prompt_checks import (
    Prompt,
    Sample,
    bare_words,
    known_prompts,
    load_prompts,
    only_actions,
    run_checks,
    summarise,
)
from moclip.generate.pipeline import Result
from moclip.models import list_models
from moclip.motion.motion import Motion
from moclip.motion.skeleton import REST_OFFSETS
from moclip.prompts.checks import check_prompt, check_seconds
from moclip.prompts.requests import Request
from moclip.showing.asked import Asked
from moclip.showing.rules import FIRST_RULES

FOLDER = Path(__file__).parent / "prompts"
LIST = FOLDER / "prompts.json"

needs_weights = pytest.mark.skipif(
    "embedded" not in [m.name for m in list_models()], reason="needs the embedded model's weights"
)


@pytest.fixture(scope="module")
def prompts():
    return load_prompts(LIST)


def test_list_covers_twenty_actions_and_two_action_prompts(prompts):
    single = Counter(p.actions[0] for p in prompts if len(p.actions) == 1)
    assert set(single) == set(FIRST_RULES) and len(FIRST_RULES) == 20
    assert min(single.values()) >= 4 and sum(single.values()) == 90
    assert sum(len(p.actions) == 2 for p in prompts) == 30
    assert len({p.text.lower() for p in prompts}) == len(prompts) == 120


def test_two_action_prompts_come_first(prompts):
    assert prompts[0].text == "a tired man walks, then waves with his left hand" and prompts[0].actions == (
        "walk",
        "wave_left",
    )


@pytest.mark.parametrize("name", ["prompts", "tuning", "fresh", "blind"])
def test_prompts_are_valid_requests(name):
    prompts = load_prompts(FOLDER / f"{name}.json")
    for prompt in prompts:
        text, warnings = check_prompt(prompt.text)
        assert text and not warnings
        assert prompt.seconds is None or 2.0 <= check_seconds(prompt.seconds) <= 8.0
    assert any(p.seconds is None for p in prompts)


def test_left_and_right_are_asked_equally_often(prompts):
    single = Counter(p.actions[0] for p in prompts if len(p.actions) == 1)
    for action in ("walk", "turn", "wave", "raise"):
        assert single[f"{action}_left"] == single[f"{action}_right"]


def test_lists_share_no_prompt():
    texts = [
        bare_words(p.text)
        for name in ("prompts", "tuning", "fresh", "blind")
        for p in load_prompts(FOLDER / f"{name}.json")
    ]
    assert len(set(texts)) == len(texts)


def test_prompts_are_not_sentences_of_the_caption_grammar(prompts):
    from moclip.captions.labels import ActionLabel
    from moclip.captions.writing import write_captions

    rng = np.random.default_rng(0)
    written: set[str] = set()
    for action in sorted({p.actions[0] for p in prompts}):
        name, _, side = action.partition("_")
        sided = {"wave": "wave", "raise": "raise_hand"}.get(name)
        label = ActionLabel(sided, None, side) if sided else ActionLabel(action, None, None)
        written |= {bare_words(c) for c in write_captions([label], rng, 400)}
    assert not [p.text for p in prompts if bare_words(p.text) in written]


def test_prompts_that_are_captions_are_named(tmp_path):
    for part in ("new_joint_vecs", "texts"):
        (tmp_path / part).mkdir()
    for clip, caption in (("a", "A man walks!"), ("b", "a man runs")):
        (tmp_path / "texts" / f"{clip}.txt").write_text(f"{caption}#a/DET#0.0#0.0\n")
        np.save(tmp_path / "new_joint_vecs" / f"{clip}.npy", np.zeros((40, 263), np.float32))
    (tmp_path / "train.txt").write_text("a\n")
    for name in ("Mean", "Std"):
        np.save(tmp_path / f"{name}.npy", np.ones(263))
    prompts = [Prompt(text, Asked(("walk",))) for text in ("a man walks", "a man runs", "a man walked")]
    assert known_prompts(prompts, DatasetFolder(tmp_path)) == ["a man walks"]


@pytest.mark.parametrize(
    "content",
    [
        "[", "{}", '{"prompts": []}', '{"prompts": [{"text": "a"}]}',
        '{"prompts": [{"text": "knits", "actions": ["knit"], "seconds": 2.0}]}',
    ],
)  # fmt: skip
def test_bad_lists_are_refused(tmp_path, content):
    path = tmp_path / "list.json"
    path.write_text(content)
    with pytest.raises(MoclipError):
        load_prompts(path)
    with pytest.raises(MoclipError):
        load_prompts(tmp_path / "absent.json")


def _standing() -> Motion:
    rotations = np.zeros((40, 22, 4), np.float32)
    rotations[..., 0] = 1
    return Motion(20.0, rotations, np.zeros((40, 3), np.float32), REST_OFFSETS)


def test_prompts_of_some_actions_only(prompts):
    kept = only_actions(prompts, {"walk", "jump"})
    assert {prompt.actions for prompt in kept} <= {("walk",), ("jump",), ("walk", "jump"), ("jump", "walk")}
    assert sum(prompt.actions == ("walk",) for prompt in kept) == sum(p.actions == ("walk",) for p in prompts) > 0
    with pytest.raises(MoclipError, match="no action 'knit'"):
        only_actions(prompts, {"walk", "knit"})
    with pytest.raises(MoclipError, match="No prompt"):
        only_actions(kept, {"bow"})


def test_summary_counts_samples():
    left, walk = Prompt("left", Asked(("wave_left",)), 2.0), Prompt("walk", Asked(("walk",)))
    two = Prompt("two", Asked(("walk", "wave_left")), 4.0)
    rows = [(left, 0, True, False), (left, 1, False, True), (walk, 0, True, None), (walk, 1, True, None),
            (two, 0, False, False), (two, 1, False, False)]  # fmt: skip
    summary = summarise([Sample(p, s, ok, wrong, _standing()) for p, s, ok, wrong in rows])
    assert summary["pass_rate"] == 0.5 and summary["one_action"] == 0.75 and summary["two_actions"] == 0.0
    # Seed 0 passes two of three prompts, seed 1 one of three.
    assert summary["pass_rate_sd_over_seeds"] == pytest.approx((1 / 3) / 2**0.5)
    assert summary["side_error"] == 0.25 and summary["side_samples"] == 4
    assert summary["actions"] == {"walk": 1.0, "wave_left": 0.5}
    assert [row["text"] for row in summary["failing"]] == ["two", "left"]
    assert summary["failing"][1]["failing_seeds"] == [1]


class Puppet:
    """Stands in for a model: stands still, and notes the requests of each batch."""

    def __init__(self, fps: float = 20.0):
        self.fps, self.batches = fps, []

    def generate(self, requests):
        self.batches.append([(r.text, r.seconds, r.seed) for r in requests])
        return [Result(_standing(), 2.0, r.seed, (), np.zeros((1, 1), int), (0, 40)) for r in requests]


def test_each_prompt_is_made_once_with_each_seed(prompts):
    puppet = Puppet()
    samples = list(run_checks(puppet, prompts, range(2)))
    made = [request for batch in puppet.batches for request in batch]
    assert sorted((t, s) for t, _, s in made) == sorted((p.text, s) for p in prompts for s in range(2))
    assert max(map(len, puppet.batches)) == 16
    # Who stands still does nothing that was asked for, and shows no wrong side.
    assert not any(s.passed or s.wrong_side for s in samples)


def test_other_frame_rates_are_refused(prompts):
    with pytest.raises(MoclipError, match="12.5"):
        list(run_checks(Puppet(fps=12.5), prompts, [0]))


@needs_weights
def test_embedded_model_does_what_it_is_told(prompts):
    from moclip.generate.pipeline import TextToMotion

    first = {p.actions: p for p in reversed(prompts) if len(p.actions) == 1}
    samples = list(run_checks(TextToMotion.load("embedded"), [prompts[0], *first.values()], range(2)))
    # The whole list with five seeds is `moclip evaluate prompts`, and the model card has its figures; this is a floor.
    assert np.mean([s.passed for s in samples]) >= 0.85
    assert not any(s.wrong_side for s in samples)


@needs_weights
def test_readmes_first_example_shows_what_it_says(prompts):
    from moclip.generate.pipeline import TextToMotion

    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    assert f'moclip demo "{prompts[0].text}"\n' in readme
    # What `moclip demo` generates by.
    assert [s.passed for s in run_checks(TextToMotion.load(), prompts[:1], [0])] == [True]


@pytest.mark.skipif("open" not in [m.name for m in list_models()], reason="needs the open model's weights")
def test_what_was_too_short_to_be_shown_is_longer_the_next_time():
    from moclip.generate.pipeline import TextToMotion

    asked = [Request("slash with a sword"), Request("slash with a sword", seconds=1.4)]
    free, fixed = (result.motion for result in TextToMotion.load("open").generate(asked))
    assert FIRST_RULES["slash"](free.joints()) and free.seconds > 1.4
    assert fixed.seconds == pytest.approx(1.4), "what somebody asked for stays"


def test_an_action_that_is_mistyped_is_suggested_and_a_long_list_of_others_is_not_told(tmp_path):
    path = tmp_path / "list.json"
    prompt = {"text": "he marches", "actions": ["marsch"], "seconds": None}
    path.write_text(json.dumps({"licence": "CC0-1.0", "prompts": [prompt]}))
    with pytest.raises(MoclipError, match=r"no action 'marsch' of \"he marches\" \(did you mean 'march'\?\)"):
        load_prompts(path)
    with pytest.raises(MoclipError) as refused:
        only_actions([], {"zzz"})
    assert " more)" in str(refused.value) and len(str(refused.value)) < 800
