# SPDX-License-Identifier: Apache-2.0
"""`moclip evaluate prompts`: what the rules say of the results, sheets for the eye, and what a viewer says."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from moclip.errors import MoclipError
from moclip.shipped import DEFAULT_MODEL
from moclip_backend.commands.options import from_options
from moclip_backend.terminal import print_json, print_table

if TYPE_CHECKING:
    from moclip.evaluation.prompt_checks import Prompt, Sample
    from moclip.evaluation.viewer import Row

DEFAULT_PROMPTS = Path(__file__).parents[3] / "tests" / "prompts" / "prompts.json"


@dataclass(kw_only=True)
class PromptOptions:
    model: Annotated[str, typer.Option(help="Name or folder of a model.")] = DEFAULT_MODEL
    seeds: Annotated[int, typer.Option(min=1, help="Samples for each prompt, one a seed.")] = 5
    first_seed: Annotated[int, typer.Option(min=0, help="The first of the seeds, which follow one another.")] = 0
    prompts: Annotated[
        list[Path] | None, typer.Option(help="JSON list of prompts with their actions; may be given several times.")
    ] = None
    actions: Annotated[
        str | None, typer.Option(help="Only prompts whose actions are all among these, with commas between them.")
    ] = None
    dataset: Annotated[
        Path | None, typer.Option(help="Also count the prompts that are captions of this dataset's training split.")
    ] = None
    runtime: Annotated[str, typer.Option(help="auto, onnx or torch.")] = "auto"
    preview: Annotated[Path | None, typer.Option(help="Folder for a contact sheet of each failing sample.")] = None
    sheets: Annotated[
        Path | None, typer.Option(help="Folder for sheets with all results, ten to a sheet, for the eye.")
    ] = None
    verdicts: Annotated[
        Path | None,
        typer.Option(help="Table of what a viewer says of each result: made to be filled in, and summed up."),
    ] = None
    recordings: Annotated[
        Path | None, typer.Option(help="JSON of `moclip evaluate rules --json`, to compare jerk with, by action.")
    ] = None
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False


@from_options(PromptOptions)
def prompts_command(options: PromptOptions) -> None:
    """Generate every prompt with every seed and check what is shown. Example: moclip evaluate prompts --seeds 5"""
    from moclip.data.folder import DatasetFolder
    from moclip.evaluation.prompt_checks import known_prompts, load_prompts, only_actions, summarise
    from moclip.evaluation.sheets import save_sheets
    from moclip.evaluation.viewer import keep_rows, read_rows, sum_up

    lists = {path.stem: load_prompts(path) for path in options.prompts or [DEFAULT_PROMPTS]}
    if options.actions:
        wanted = {name.strip() for name in options.actions.split(",")}
        lists = {name: only_actions(listed, wanted) for name, listed in lists.items()}
    if options.verdicts:
        read_rows(options.verdicts)  # what cannot be read is told before hours of generating
    jerk = _recorded_jerk(options.recordings) if options.recordings else {}
    every = [prompt for listed in lists.values() for prompt in listed]
    known = known_prompts(every, DatasetFolder(options.dataset)) if options.dataset else None
    samples = _samples(every, options)
    if options.preview:
        _save_failing(samples, options.preview)
    drawn = save_sheets(samples, options.sheets) if options.sheets else []
    rows = keep_rows(options.verdicts, samples) if options.verdicts else []
    summary = {
        "model": options.model,
        "first_seed": options.first_seed,
        "known_prompts": known,
        **summarise(samples),
        "lists": {name: _edges(listed, samples, rows) for name, listed in lists.items()},
        "viewer": sum_up(rows) if rows else None,
    }
    if options.as_json:
        print_json(summary)
        return
    _print_summary(summary, jerk)
    if drawn:
        print(f"\n{len(samples)} results are drawn on {len(drawn)} sheets in {options.sheets}.")
    if rows and options.verdicts:
        _print_viewer(summary["viewer"], options.verdicts, len(rows))


def _samples(prompts: "Sequence[Prompt]", options: PromptOptions) -> "list[Sample]":
    """In the order of the lists, all seeds of a prompt together."""
    from rich.console import Console
    from rich.progress import Progress

    from moclip.evaluation.prompt_checks import run_checks
    from moclip.generate.pipeline import TextToMotion

    loaded, seeds = TextToMotion.load(options.model, options.runtime), options.seeds
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("prompt checks", total=1.0)
        drawn = range(options.first_seed, options.first_seed + seeds)
        samples = list(run_checks(loaded, prompts, drawn, lambda done: bar.update(task, completed=done)))
    place = {id(prompt): number for number, prompt in enumerate(prompts)}
    return sorted(samples, key=lambda sample: (place[id(sample.prompt)], sample.seed))


def _edges(listed: "Sequence[Prompt]", samples: "Sequence[Sample]", rows: "Sequence[Row]") -> dict[str, Any]:
    from moclip.evaluation.edges import edges
    from moclip.evaluation.prompt_checks import summarise

    own = {id(prompt) for prompt in listed}
    places = [number for number, sample in enumerate(samples) if id(sample.prompt) in own]
    part = [samples[number] for number in places]
    said = [rows[number].shown for number in places] if rows else []
    passed = summarise(part)
    return {
        "prompts": len(listed),
        "pass_rate": passed["pass_rate"],
        "by_eye": passed["by_eye"],
        **edges(part, said).to_dict(),
    }


def _recorded_jerk(path: Path) -> dict[str, float]:
    """m/s^3 by action, of recordings."""
    try:
        rules = json.loads(path.read_text(encoding="utf-8"))["rules"]
        return {row["action"]: float(row["jerk"]) for row in rules if row["jerk"] is not None}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MoclipError(
            f"{path} is not what `moclip evaluate rules --json` prints.", hint="Check --recordings.", code="bad_file"
        ) from error


def percent(rate: float | None) -> str:
    return "none" if rate is None else f"{rate:.1%}"


def _print_summary(summary: dict[str, Any], recorded: dict[str, float]) -> None:
    print_table(("action", "pass"), [(action, percent(rate)) for action, rate in summary["actions"].items()])
    print(f"\n{summary['samples']} samples: {summary['prompts']} prompts, {summary['seeds']} seeds")
    print(f"pass:        {percent(summary['pass_rate'])}, sd over seeds {percent(summary['pass_rate_sd_over_seeds'])}")
    print(f"one action:  {percent(summary['one_action'])}")
    print(f"two actions: {percent(summary['two_actions'])}")
    if summary["at_once"] is not None:
        print(f"two at once: {percent(summary['at_once'])}")
    if summary["feet_off_metres"] is not None:
        print(f"what arms do at once: feet within {summary['feet_off_metres']:.3f} m of where they are without")
    if summary["by_eye"]:
        print(f"by eye:      {summary['by_eye']} samples, which only a viewer can tell")
    print(f"left for right: {percent(summary['side_error'])} of {summary['side_samples']} samples that name one side")
    if summary["known_prompts"] is not None:
        print(f"{len(summary['known_prompts'])} prompts are captions of the training split, word for word")
    if summary["walk_foot_skating"] is not None:
        skating, jerk = summary["walk_foot_skating"], summary["walk_mean_jerk"]
        print(f"walks: feet skate in {skating:.1%} of contacts, mean jerk {jerk:.0f} m/s^3")
    sinking, floating = percent(summary["sinking"]), percent(summary["floating"])
    print(f"all: mean jerk {summary['mean_jerk']:.0f} m/s^3; {sinking} sink and {floating} float by more than 2 cm")
    _print_jerk(summary["jerk"], recorded)
    _print_edges(summary["lists"])
    if summary["failing"]:
        print("\nFailing prompts:")
    for row in summary["failing"]:
        seeds = ", ".join(map(str, row["failing_seeds"]))
        print(f"  {row['pass_rate']:4.0%}  {row['text']}  [{row['asked']}; seeds {seeds}]")


def _print_jerk(jerk: dict[str, float], recorded: dict[str, float]) -> None:
    both = [(action, jerk[action], recorded[action]) for action in jerk if action in recorded]
    if both:
        print()
        rows = [(action, f"{own:.0f}", f"{real:.0f}", f"{own / max(real, 1e-9):.2f}") for action, own, real in both]
        print_table(("action", "jerk", "of recordings", "ratio"), rows)


def _print_edges(lists: dict[str, dict[str, Any]]) -> None:
    print("\nWhat was warned of: of what is not shown, and of what is shown (false alarms)")
    rows = []
    for name, found in lists.items():
        caught = f"{percent(found['caught'])} of {found['not_shown']}"
        alarms = f"{percent(found['false_alarms'])} of {found['shown']}"
        rows.append((name, found["prompts"], percent(found["pass_rate"]), caught, alarms, found["unknown"]))
    print_table(("list", "prompts", "pass", "not shown, warned", "shown, warned", "not told yet"), rows)


def _print_viewer(viewer: dict[str, Any], path: Path, rows: int) -> None:
    if not viewer["looked_at"]:
        print(f"\n{path} waits for a viewer: write yes, partly or no into its column `shown`.")
        return
    print(f"\nA viewer looked at {viewer['looked_at']} of {rows} results ({path}):")
    print(f"shown: {percent(viewer['shown'])} ({viewer['yes']} yes, {viewer['partly']} partly, {viewer['no']} no)")
    print(
        f"The rules say the same in {percent(viewer['rules_agree'])}; they pass {viewer['rules_too_lenient']} that the "
        f"viewer does not, and refuse {viewer['rules_too_strict']} that the viewer does."
    )


def _save_failing(samples: "Sequence[Sample]", folder: Path) -> None:
    from moclip.files.preview import save_preview

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MoclipError(
            f"The folder {folder} cannot be made.", hint="Choose another --preview.", code="bad_file"
        ) from error
    for number, sample in enumerate(s for s in samples if s.passed is False):
        save_preview(sample.motion, folder / f"{'-'.join(sample.prompt.actions)}_{number:03d}_seed{sample.seed}.png")
