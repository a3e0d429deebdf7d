# SPDX-License-Identifier: Apache-2.0
"""`moclip evaluate`: does the model do what it is told, and can the rules that decide this be trusted?"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from moclip_backend.commands.options import from_options

if TYPE_CHECKING:
    from moclip.evaluation.prompt_checks import Sample

app = typer.Typer(no_args_is_help=True, help="Compute the metrics of a model. Example: moclip evaluate prompts")

DEFAULT_PROMPTS = Path(__file__).parents[3] / "tests" / "prompts" / "prompts.json"
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
    from moclip.data.folder import DatasetFolder
    from moclip.evaluation import calibration
    from moclip.evaluation.reconstruction import round_trip
    from moclip_backend.terminal import print_json, print_table

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


@dataclass(kw_only=True)
class PromptOptions:
    model: Annotated[str, typer.Option(help="Name or folder of a model.")] = "embedded"
    seeds: Annotated[int, typer.Option(min=1, help="Samples for each prompt, one a seed.")] = 5
    first_seed: Annotated[int, typer.Option(min=0, help="The first of the seeds, which follow one another.")] = 0
    prompts: Annotated[Path, typer.Option(help="JSON list of prompts with their actions.")] = DEFAULT_PROMPTS
    actions: Annotated[
        str | None, typer.Option(help="Only prompts whose actions are all among these, with commas between them.")
    ] = None
    dataset: Annotated[
        Path | None, typer.Option(help="Also count the prompts that are captions of this dataset's training split.")
    ] = None
    runtime: Annotated[str, typer.Option(help="auto, onnx or torch.")] = "auto"
    preview: Annotated[Path | None, typer.Option(help="Folder for a contact sheet of each failing sample.")] = None
    as_json: Json = False


@app.command("prompts")
@from_options(PromptOptions)
def prompts_command(options: PromptOptions) -> None:
    """Generate every prompt with every seed and check what is shown. Example: moclip evaluate prompts --seeds 5"""
    from rich.console import Console
    from rich.progress import Progress

    from moclip.data.folder import DatasetFolder
    from moclip.evaluation.prompt_checks import known_prompts, load_prompts, only_actions, run_checks, summarise
    from moclip.generate.pipeline import TextToMotion
    from moclip_backend.terminal import print_json

    listed = load_prompts(options.prompts)
    if options.actions:
        listed = only_actions(listed, {name.strip() for name in options.actions.split(",")})
    known = known_prompts(listed, DatasetFolder(options.dataset)) if options.dataset else None
    loaded, first = TextToMotion.load(options.model, options.runtime), options.first_seed
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("prompt checks", total=1.0)
        drawn = range(first, first + options.seeds)
        samples = list(run_checks(loaded, listed, drawn, lambda done: bar.update(task, completed=done)))
    summary = {"model": options.model, "first_seed": first, "known_prompts": known, **summarise(samples)}
    if options.preview:
        _save_sheets(samples, options.preview)
    if options.as_json:
        print_json(summary)
    else:
        _print_summary(summary)


@dataclass(kw_only=True)
class TextMotionOptions:
    dataset: Annotated[Path, typer.Option(help="Dataset folder.")]
    evaluator: Annotated[Path, typer.Option(help="evaluator.safetensors of `moclip train evaluator`.")]
    model: Annotated[str, typer.Option(help="Name or folder of a model.")] = "embedded"
    against: Annotated[str | None, typer.Option(help="A second model, measured on the same samples.")] = None
    split: Annotated[str, typer.Option(help="train, val or test.")] = "test"
    repeats: Annotated[int, typer.Option(min=1, help="Repeats, with other captions and seeds each.")] = 5
    seed: Annotated[int, typer.Option(min=0, help="Of captions, groups and samples.")] = 0
    modality_texts: Annotated[int, typer.Option(min=0, help="Texts for MultiModality; 0 leaves it out.")] = 0
    new_wordings: Annotated[
        bool, typer.Option("--new-wordings", help="Only captions that no training clip has, word for word.")
    ] = False
    clips: Annotated[int, typer.Option(min=32, help="Clips of the split, at most, drawn once.")] = 100_000
    as_json: Json = False


@app.command("text-motion")
@from_options(TextMotionOptions)
def text_motion_command(options: TextMotionOptions) -> None:
    """R-precision, FID, MM-Dist, Diversity by an evaluator. Example: moclip evaluate text-motion --dataset data/mocap
    --evaluator runs/first/evaluator.safetensors"""
    from moclip_backend.commands.train import prepare_torch

    prepare_torch(2)
    from moclip.data.folder import DatasetFolder
    from moclip.evaluation.evaluator import load_evaluator
    from moclip.evaluation.text_motion import evaluate_text_motion
    from moclip.evaluation.train_evaluator import judged_clips
    from moclip.generate.pipeline import TextToMotion
    from moclip_backend.terminal import print_json, print_table, progress_bar

    judge, model, against = load_evaluator(options.evaluator), options.model, options.against
    judged = judged_clips(DatasetFolder(options.dataset), options.split, new_wordings=options.new_wordings)
    judged = judged.sample(options.clips)
    models = {name: TextToMotion.load(name) for name in dict.fromkeys((model, against or model))}
    with progress_bar("text-motion") as progress:
        report = evaluate_text_motion(
            judge, judged, models, repeats=options.repeats, seed=options.seed, modality_texts=options.modality_texts,
            progress=progress,
        )  # fmt: skip
    if options.as_json:
        drawn = {"split": options.split, "seed": options.seed, "new_wordings": options.new_wordings}
        print_json({**drawn, **report.to_dict()})
        return
    metrics = list(dict.fromkeys(metric for row in report.rows.values() for metric in row))
    cells = {name: [f"{row[m][0]:.3f} +-{row[m][1]:.3f}" if m in row else "" for m in metrics]
             for name, row in report.rows.items()}  # fmt: skip
    print_table(("metric", *cells), list(zip(metrics, *cells.values(), strict=True)))
    print(f"\n{report.clips} clips of {options.split}, {report.repeats} repeats; +- is half of their 95 % interval.")
    print("'real' is the ceiling of R-precision and MM-Dist; its FID, halves is what real motion has against real.")
    for metric, (low, high) in report.differences.get(model, {}).items():
        print(f"{metric}: {model} minus {against}: {low:+.3f} to {high:+.3f} (95 %, bootstrap)")


@app.command("retrieval")
def retrieval_command(
    dataset: Annotated[Path, typer.Option(help="Dataset folder.")],
    model: Annotated[str, typer.Option(help="Name or folder of a model.")] = "embedded",
    work: Annotated[
        Path | None, typer.Option(help="In place of a model: a folder with moclip.safetensors and text.safetensors.")
    ] = None,
    tower: Annotated[Path | None, typer.Option(help="Another text tower in place of the fine-tuned one.")] = None,
    split: Annotated[str, typer.Option(help="train, val or test.")] = "test",
    seed: Annotated[int, typer.Option(min=0, help="Of the captions drawn.")] = 0,
    as_json: Json = False,
) -> None:
    """Recall of motions by text and texts by motion. Example: moclip evaluate retrieval --dataset data/mocap"""
    from moclip_backend.commands.train import prepare_torch

    prepare_torch(2)
    from moclip.alignment.pairs import pair_clips
    from moclip.data.clips import load_clips
    from moclip.data.folder import DatasetFolder
    from moclip.evaluation.retrieval import load_spaces, retrieval
    from moclip_backend.terminal import print_json, print_table

    folder = DatasetFolder(dataset)
    text, encoder = load_spaces(model, work, tower)
    clips = pair_clips(folder, load_clips(folder, split), encoder.config)
    found = retrieval(text, encoder, clips, seed)
    if as_json:
        print_json({"split": split, "clips": len(clips), "seed": seed, **found})
        return
    columns = list(found["text to motion"])
    print_table(
        ("direction", *(f"R@{k}" for k in columns)),
        [(way, *(f"{found[way][k]:.3f}" for k in columns)) for way in ("text to motion", "motion to text")],
    )
    print(f"\n{len(clips)} clips of {split}; a random order has {found['chance'][1]:.3f} at 1.")


def _print_summary(summary: dict[str, Any]) -> None:
    from moclip_backend.terminal import print_table

    def percent(rate: float | None) -> str:
        return "none" if rate is None else f"{rate:.1%}"

    print_table(("action", "pass"), [(action, percent(rate)) for action, rate in summary["actions"].items()])
    print(f"\n{summary['samples']} samples: {summary['prompts']} prompts, {summary['seeds']} seeds")
    print(f"pass:        {percent(summary['pass_rate'])}, sd over seeds {percent(summary['pass_rate_sd_over_seeds'])}")
    print(f"one action:  {percent(summary['one_action'])}")
    print(f"two actions: {percent(summary['two_actions'])}")
    if summary["at_once"] is not None:
        off = summary["feet_off_metres"]
        print(
            f"two at once: {percent(summary['at_once'])}, feet within {off:.3f} m of where they are without the arms'"
        )
    print(f"left for right: {percent(summary['side_error'])} of {summary['side_samples']} samples that name one side")
    if summary["known_prompts"] is not None:
        print(f"{len(summary['known_prompts'])} prompts are captions of the training split, word for word")
    if summary["walk_foot_skating"] is not None:
        skating, jerk = summary["walk_foot_skating"], summary["walk_mean_jerk"]
        print(f"walks: feet skate in {skating:.1%} of contacts, mean jerk {jerk:.0f} m/s^3")
    if summary["failing"]:
        print("\nFailing prompts:")
    for row in summary["failing"]:
        seeds = ", ".join(map(str, row["failing_seeds"]))
        print(f"  {row['pass_rate']:4.0%}  {row['text']}  [{row['named']}; seeds {seeds}]")


def _save_sheets(samples: "list[Sample]", folder: Path) -> None:
    from moclip.errors import MoclipError
    from moclip.files.preview import save_preview

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MoclipError(
            f"The folder {folder} cannot be made.", hint="Choose another --preview.", code="bad_file"
        ) from error
    for number, sample in enumerate(s for s in samples if not s.passed):
        save_preview(sample.motion, folder / f"{'-'.join(sample.prompt.actions)}_{number:03d}_seed{sample.seed}.png")
