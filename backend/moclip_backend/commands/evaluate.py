# SPDX-License-Identifier: Apache-2.0
"""`moclip evaluate`: does the model do what it is told, and can the rules that decide this be trusted?"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from moclip.shipped import DEFAULT_MODEL
from moclip_backend.commands.options import from_options
from moclip_backend.commands.prompt_checks import prompts_command

app = typer.Typer(no_args_is_help=True, help="Compute the metrics of a model. Example: moclip evaluate prompts")

app.command("prompts")(prompts_command)
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
    from moclip.evaluation import calibration, kinds
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
        own = "none" if s.own is None else f"{s.own:.1%}"
        worst, jerk = f"{s.worst} {s.worst_rate:.0%}", "" if s.jerk is None else f"{s.jerk:.0f}"
        rows.append((s.action, s.clips, own, f"{s.others:.1%}", f"{s.others_pooled:.1%}", worst, s.verdict, jerk))
    columns = ("rule", "clips", "pass", "others, by action", "others, all clips", "worst other", "calibrated", "jerk")
    print_table(columns, rows)
    least, later = calibration.LEAST_OWN, calibration.LEAST_OWN_LATER
    print(f"\nCalibrated: at least {least:.0%} of the clips of a first action pass, {later:.0%} of a later one,")
    print(
        f"and at most {calibration.MOST_OTHERS:.0%} of the others' do; few: fewer than {calibration.FEWEST} own clips."
    )
    print(f"Two actions: {right:.1%} of {count} sequences pass, {opposite:.1%} in the opposite order.")
    if walks:
        print(f"Walks: feet skate in {walks.foot_skating:.1%} of contacts, mean jerk {walks.jerk:.0f} m/s^3.")
    print("\nNot counted among the other actions:")
    for (rule, action), reason in kinds.IMPLIED.items():
        print(f"  {rule}: clips of {action} ({reason})")
    for rule, actions, reason in kinds.KINDS:
        print(f"  {rule}: clips of {', '.join(sorted(actions))} ({reason})")
    for clip, reason in calibration.EXCLUDED.items():
        print(f"  {clip} and its mirror image, anywhere ({reason})")
    if failing:
        for action, clips in fails.items():
            print(f"{action}: {', '.join(clips)}")


@dataclass(kw_only=True)
class TextMotionOptions:
    dataset: Annotated[Path, typer.Option(help="Dataset folder.")]
    evaluator: Annotated[
        Path,
        typer.Option(help="evaluator.safetensors of `moclip train evaluator`, or the released one's checkpoints/t2m."),
    ]
    glove: Annotated[
        Path | None, typer.Option(help="Folder with our_vab_*, for a released evaluator. Default: glove beside it.")
    ] = None
    model: Annotated[str, typer.Option(help="Name or folder of a model.")] = DEFAULT_MODEL
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
    from moclip_backend.commands.train_options import prepare_torch

    prepare_torch(2)
    from moclip.data.folder import DatasetFolder
    from moclip.evaluation.evaluator import load_evaluator
    from moclip.evaluation.official import is_official, load_official_folder
    from moclip.evaluation.text_motion import evaluate_text_motion
    from moclip.evaluation.train_evaluator import judged_clips
    from moclip.generate.pipeline import TextToMotion
    from moclip_backend.terminal import print_json, print_table, progress_bar

    model, against = options.model, options.against
    judged = judged_clips(DatasetFolder(options.dataset), options.split, new_wordings=options.new_wordings)
    judged = judged.sample(options.clips)
    if is_official(options.evaluator):
        words = {word for texts in judged.sentences for sentence in texts for word, _ in sentence}
        judge = load_official_folder(options.evaluator, words, options.glove)
    else:
        judge = load_evaluator(options.evaluator)
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
    model: Annotated[str, typer.Option(help="Name or folder of a model.")] = DEFAULT_MODEL,
    work: Annotated[
        Path | None, typer.Option(help="In place of a model: a folder with moclip.safetensors and text.safetensors.")
    ] = None,
    tower: Annotated[Path | None, typer.Option(help="Another text tower in place of the fine-tuned one.")] = None,
    split: Annotated[str, typer.Option(help="train, val or test.")] = "test",
    seed: Annotated[int, typer.Option(min=0, help="Of the captions drawn.")] = 0,
    as_json: Json = False,
) -> None:
    """Recall of motions by text and texts by motion. Example: moclip evaluate retrieval --dataset data/mocap"""
    from moclip_backend.commands.train_options import prepare_torch

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
