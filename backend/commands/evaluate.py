# SPDX-License-Identifier: Apache-2.0
"""`moclip evaluate`: does the model do what it is told, and can the rules that decide this be trusted?"""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from moclip.evaluation.prompt_checks import Sample

app = typer.Typer(no_args_is_help=True, help="Compute the metrics of a model. Example: moclip evaluate prompts")

DEFAULT_PROMPTS = Path(__file__).parents[2] / "tests" / "prompts" / "prompts.json"
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("rules")
def rules_command(
    dataset: Annotated[Path, typer.Option(help="Dataset folder with clips.jsonl.")],
    failing: Annotated[bool, typer.Option(help="Also list the clips that fail their own rule.")] = False,
    rebuilt_by: Annotated[
        str | None, typer.Option(help="Pass the clips through this model's codes first: what of the actions is left?")
    ] = None,
    as_json: Json = False,
) -> None:
    """Calibrate the rules of the prompt checks on real clips. Example: moclip evaluate rules --dataset data/mocap"""
    from backend.terminal import print_json, print_table
    from moclip.data.folder import DatasetFolder
    from moclip.evaluation import calibration
    from moclip.evaluation.reconstruction import round_trip

    folder = DatasetFolder(dataset)
    rebuild = round_trip(rebuilt_by, folder) if rebuilt_by else None
    scores, fails, walks = calibration.score_rules(calibration.real_clips(folder, rebuild))
    count, right, opposite = calibration.score_order(folder, rebuild)
    if as_json:
        order = {"sequences": count, "pass": right, "opposite_order": opposite}
        measured = asdict(walks) if walks else None
        print_json({"rules": [s.to_dict() for s in scores], "two_actions": order, "walks": measured, "failing": fails})
        return
    rows = []
    for s in scores:
        worst, verdict = f"{s.worst} {s.worst_rate:.0%}", "yes" if s.calibrated else "NO"
        rows.append((s.action, s.clips, f"{s.own:.1%}", f"{s.others:.1%}", f"{s.others_pooled:.1%}", worst, verdict))
    print_table(("rule", "clips", "pass", "others, by action", "others, all clips", "worst other", "calibrated"), rows)
    own, others = calibration.LEAST_OWN, calibration.MOST_OTHERS
    print(f"\nCalibrated: at least {own:.0%} of the action's clips pass, at most {others:.0%} of the others' do.")
    print(f"Two actions: {right:.1%} of {count} sequences pass, {opposite:.1%} in the opposite order.")
    if walks:
        print(f"Walks: feet skate in {walks.foot_skating:.1%} of contacts, mean jerk {walks.jerk:.0f} m/s^3.")
    print("\nNot counted among the other actions:")
    for (rule, action), reason in calibration.IMPLIED.items():
        print(f"  {rule}: clips of {action} ({reason})")
    for clip, reason in calibration.EXCLUDED.items():
        print(f"  {clip} and its mirror image, anywhere ({reason})")
    if failing:
        for action, clips in fails.items():
            print(f"{action}: {', '.join(clips)}")


@app.command("prompts")
def prompts_command(
    model: Annotated[str, typer.Option(help="Name or folder of a model.")] = "embedded",
    seeds: Annotated[int, typer.Option(min=1, help="Samples for each prompt, one a seed.")] = 5,
    first_seed: Annotated[int, typer.Option(min=0, help="The first of the seeds, which follow one another.")] = 0,
    prompts: Annotated[Path, typer.Option(help="JSON list of prompts with their actions.")] = DEFAULT_PROMPTS,
    runtime: Annotated[str, typer.Option(help="auto, onnx or torch.")] = "auto",
    preview: Annotated[Path | None, typer.Option(help="Folder for a contact sheet of each failing sample.")] = None,
    as_json: Json = False,
) -> None:
    """Generate every prompt with every seed and check what is shown. Example: moclip evaluate prompts --seeds 5"""
    from rich.console import Console
    from rich.progress import Progress

    from backend.terminal import print_json
    from moclip.evaluation.prompt_checks import load_prompts, run_checks, summarise
    from moclip.pipeline import TextToMotion

    listed = load_prompts(prompts)
    loaded = TextToMotion.load(model, runtime)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("prompt checks", total=1.0)
        drawn = range(first_seed, first_seed + seeds)
        samples = list(run_checks(loaded, listed, drawn, lambda done: bar.update(task, completed=done)))
    summary = {"model": model, "first_seed": first_seed, **summarise(samples)}
    if preview:
        _save_sheets(samples, preview)
    if as_json:
        print_json(summary)
    else:
        _print_summary(summary)


def _print_summary(summary: dict[str, Any]) -> None:
    from backend.terminal import print_table

    def percent(rate: float | None) -> str:
        return "none" if rate is None else f"{rate:.1%}"

    print_table(("action", "pass"), [(action, percent(rate)) for action, rate in summary["actions"].items()])
    print(f"\n{summary['samples']} samples: {summary['prompts']} prompts, {summary['seeds']} seeds")
    print(f"pass:        {percent(summary['pass_rate'])}, sd over seeds {percent(summary['pass_rate_sd_over_seeds'])}")
    print(f"one action:  {percent(summary['one_action'])}")
    print(f"two actions: {percent(summary['two_actions'])}")
    print(f"left for right: {percent(summary['side_error'])} of {summary['side_samples']} samples that name one side")
    if summary["walk_foot_skating"] is not None:
        skating, jerk = summary["walk_foot_skating"], summary["walk_mean_jerk"]
        print(f"walks: feet skate in {skating:.1%} of contacts, mean jerk {jerk:.0f} m/s^3")
    if summary["failing"]:
        print("\nFailing prompts:")
    for row in summary["failing"]:
        seeds = ", ".join(map(str, row["failing_seeds"]))
        print(f"  {row['pass_rate']:4.0%}  {row['text']}  [{' > '.join(row['actions'])}; seeds {seeds}]")


def _save_sheets(samples: "list[Sample]", folder: Path) -> None:
    from moclip.errors import MoclipError
    from moclip.preview import save_preview

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MoclipError(
            f"The folder {folder} cannot be made.", hint="Choose another --preview.", code="bad_file"
        ) from error
    for number, sample in enumerate(s for s in samples if not s.passed):
        save_preview(sample.motion, folder / f"{'-'.join(sample.prompt.actions)}_{number:03d}_seed{sample.seed}.png")
