# SPDX-License-Identifier: Apache-2.0
"""Sheets for the eye, the table that a viewer fills in, and what a model warned of."""

import json
from dataclasses import replace

import numpy as np
import pytest
from test_prompt_checks import FOLDER, Puppet, _standing
from typer.testing import CliRunner

from moclip.errors import MoclipError
from moclip.evaluation.edges import edges
from moclip.evaluation.prompt_checks import Prompt, Sample, load_prompts
from moclip.evaluation.sheets import headline, save_sheets
from moclip.evaluation.viewer import keep_rows, read_rows, sum_up
from moclip.generate.pipeline import TextToMotion
from moclip.prompts.checks import check_prompt
from moclip.showing.asked import Asked
from moclip.showing.rules import BY_EYE, RULES
from moclip_backend.commands.evaluate import app

WALK = Prompt("a man walks", Asked(("walk",)))
DAB = Prompt("dab", Asked(("dab",)), note="Drops the head into an arm.")
SKI = Prompt("goes skiing", Asked(()), note="Glides downhill.")


def sample(prompt: Prompt, passed: bool | None, warned: bool = False, key: str = "m", seed: int = 0) -> Sample:
    return Sample(prompt, seed, passed, None, _standing(), warned, key)


SAMPLES = [sample(WALK, True), sample(WALK, False, warned=True, seed=1), sample(DAB, None), sample(SKI, None, True)]


def filled(path, *words):
    lines = path.read_text(encoding="utf-8").splitlines()
    names = lines[0].split("\t")
    rows = [dict(zip(names, line.split("\t"), strict=True)) for line in lines[1:]]
    for row, word in zip(rows, words, strict=False):
        row["shown"] = word
    table = ["\t".join(names), *("\t".join(row.values()) for row in rows)]
    path.write_text("\n".join(table) + "\n", encoding="utf-8")


def test_what_a_viewer_says_is_kept_and_summed_up(tmp_path):
    path = tmp_path / "new" / "said.tsv"
    rows = keep_rows(path, SAMPLES)
    assert [row.rule for row in rows] == ["yes", "no", "eye", "eye"] and not any(row.shown for row in rows)
    assert sum_up(rows)["looked_at"] == 0 and sum_up(rows)["shown"] is None
    filled(path, "Yes", "yes", "partly", "no")
    found = sum_up(keep_rows(path, SAMPLES))
    assert (found["looked_at"], found["yes"], found["partly"], found["no"]) == (4, 2, 1, 1)
    assert found["shown"] == 2.5 / 4 and found["rules_agree"] == 0.5
    assert (found["rules_too_strict"], found["rules_too_lenient"]) == (1, 0)


def test_a_verdict_belongs_to_the_motion_that_was_looked_at(tmp_path):
    path = tmp_path / "said.tsv"
    keep_rows(path, SAMPLES)
    filled(path, "yes", "", "no")
    again = [replace(SAMPLES[0], motion_key="another"), *SAMPLES[1:]]
    assert [row.shown for row in keep_rows(path, again)] == ["", "", "no", ""]
    # The old motion's row has stayed, and counts again when that motion does.
    assert len(read_rows(path)) == 5
    assert [row.shown for row in keep_rows(path, SAMPLES)] == ["yes", "", "no", ""]


@pytest.mark.parametrize("content", ["a\tb\n1\t2\n", "\0", "number\tprompt\n"])
def test_another_file_is_not_written_over(tmp_path, content):
    path = tmp_path / "mine.tsv"
    path.write_text(content)
    with pytest.raises(MoclipError, match=r"mine\.tsv is not a table"):
        keep_rows(path, SAMPLES)
    assert path.read_text() == content


def test_other_words_than_a_viewers_are_named_by_their_line(tmp_path):
    path = tmp_path / "said.tsv"
    keep_rows(path, SAMPLES)
    filled(path, "yes", "perhaps")
    with pytest.raises(MoclipError, match=r"Line 3 .*'perhaps'"):
        read_rows(path)


def test_edges_count_what_was_warned_of():
    # One shown and not warned, one not shown and warned, a dab that nobody looked at, skiing that no model can.
    found = edges(SAMPLES)
    assert (found.shown, found.not_shown, found.unknown) == (1, 2, 1)
    assert found.caught == 1.0 and found.false_alarms == 0.0
    told = edges(SAMPLES, ["no", "yes", "no", ""])
    assert (told.shown, told.shown_and_warned, told.not_shown, told.not_shown_and_warned) == (1, 1, 3, 1)
    assert told.caught == pytest.approx(1 / 3) and told.false_alarms == 1.0
    assert edges([]).caught is None and edges([]).false_alarms is None


def test_all_results_are_drawn_ten_to_a_sheet(tmp_path):
    image = pytest.importorskip("PIL.Image")
    written = save_sheets([SAMPLES[n % 4] for n in range(12)], tmp_path / "sheets")
    assert [path.name for path in written] == ["sheet_001.png", "sheet_002.png"]
    with image.open(written[0]) as full, image.open(written[1]) as rest:
        assert full.width == rest.width and 4 * rest.height < full.height < 6 * rest.height
        assert len(np.unique(np.asarray(rest).reshape(-1, 3), axis=0)) > 50
    (tmp_path / "file").write_text("")
    with pytest.raises(MoclipError, match="sheets cannot be written"):
        save_sheets(SAMPLES, tmp_path / "file")


def test_a_headline_says_what_was_asked_and_what_the_rules_say():
    assert headline(2, SAMPLES[1]) == '#2 "a man walks" [walk, seed 1] NOT SHOWN, warned of'
    assert headline(3, SAMPLES[2]) == '#3 "dab" [dab, seed 0] by eye - Drops the head into an arm.'
    both = Prompt("waves as he walks", Asked(("walk", "wave"), together=True))
    assert both.described == "walk + wave" and Prompt("x", Asked(("jump",), times=2)).described == "jump x 2"
    assert Prompt("x", Asked(("walk", "wave"))).described == "walk > wave" and SKI.described == "none of the actions"


@pytest.mark.parametrize(("name", "count"), [("people", 150), ("actions", 453)])
def test_lists_by_people_are_valid(name, count):
    prompts = load_prompts(FOLDER / f"{name}.json")
    assert len(prompts) == count == len({prompt.text.lower() for prompt in prompts})
    assert not [prompt.text for prompt in prompts if not check_prompt(prompt.text)[0]]
    if name == "people":
        assert all(prompt.note for prompt in prompts) and sum(prompt.asked.together for prompt in prompts) >= 10
        # What no catalogue has: there a model should warn.
        assert sum(not prompt.actions for prompt in prompts) == 10
    else:
        asked = {action for prompt in prompts for action in prompt.actions}
        assert all(len(prompt.actions) == 1 for prompt in prompts) and len(asked & set(RULES)) > 90
        assert asked & set(BY_EYE)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ('"actions": ["dab"], "times": 2', "no rule measures"),
        ('"actions": ["walk"], "degrees": 9', "no rule measures"),
        ('"actions": ["walk"], "together": true', "no rule measures"), ('"actions": []', "does not name"),
        ('"actions": ["walk"], "side": "left"', "no setting"), ('"actions": ["walk", "run", "jump"]', "does not name"),
    ],
)  # fmt: skip
def test_what_nothing_measures_is_refused(tmp_path, row, says):
    path = tmp_path / "list.json"
    path.write_text(f'{{"prompts": [{{"text": "a", "seconds": null, {row}}}]}}')
    with pytest.raises(MoclipError, match=says):
        load_prompts(path)


def test_the_command_draws_keeps_and_sums_up(tmp_path, monkeypatch):
    pytest.importorskip("PIL", reason="sheets are drawn")
    monkeypatch.setattr(TextToMotion, "load", lambda *_: Puppet())
    lists = []
    for name, rows in (
        ("one", '{"text": "stands", "actions": ["stand"], "seconds": null}'),
        ("two", '{"text": "skis", "actions": [], "seconds": 2.0, "note": "Glides."}'),
    ):
        (tmp_path / f"{name}.json").write_text(f'{{"prompts": [{rows}]}}')
        lists += ["--prompts", str(tmp_path / f"{name}.json")]
    said, sheets = tmp_path / "said.tsv", tmp_path / "sheets"
    (tmp_path / "rules.json").write_text(
        '{"rules": [{"action": "stand", "jerk": 2.0}, {"action": "run", "jerk": null}]}'
    )
    asked = ["prompts", *lists, "--seeds", "2", "--verdicts", str(said), "--recordings", str(tmp_path / "rules.json")]
    first = CliRunner().invoke(app, [*asked, "--sheets", str(sheets)], catch_exceptions=False)
    assert first.exit_code == 0 and "4 results are drawn on 1 sheets" in first.stdout
    assert "waits for a viewer" in first.stdout and "ratio" in first.stdout
    # The puppet's arms are stretched out, so nobody stands at ease or skis, and nobody was warned.
    assert "one\t1\t0.0%\t0.0% of 2\tnone of 0\t0" in first.stdout
    assert "two\t1\tnone\t0.0% of 2\tnone of 0\t0" in first.stdout
    filled(said, "yes", "no", "yes", "no")
    again = json.loads(CliRunner().invoke(app, [*asked, "--json"]).stdout)
    assert again["viewer"]["shown"] == 0.5 and again["viewer"]["rules_too_strict"] == 1
    assert (again["lists"]["two"]["shown"], again["lists"]["one"]["not_shown"]) == (1, 1)
    wrong = CliRunner().invoke(app, ["prompts", *lists, "--recordings", str(said)])
    assert wrong.exit_code != 0 and "evaluate rules --json" in str(wrong.exception)
