# SPDX-License-Identifier: Apache-2.0
"""The figures of an ablation as a table (Markdown), a plot (PNG) and JSON in one folder."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from moclip.errors import MoclipError
from moclip.generators.base.generator import find_generator

RETRIEVAL = ("t2m R@1", "t2m R@3", "m2t R@1", "m2t R@3", "norm ratio", "cosine to teacher")
GENERATOR = (
    "Top-1", "Top-2", "Top-3", "Top-1 distinct", "Top-3 distinct", "FID", "MM-Dist", "Diversity", "foot skating",
    "jerk",
)  # fmt: skip
Summary = Mapping[str, float]


def _cell(summary: Summary | None) -> str:
    return "" if summary is None else f"{summary['mean']:.3f} ± {summary['half']:.3f}"


def _table(metrics: tuple[str, ...], rows: Mapping[str, Mapping[str, Summary]]) -> list[str]:
    shown = [m for m in metrics if any(m in row for row in rows.values())]
    lines = [f"| arm | {' | '.join(shown)} |", f"|---|{'---|' * len(shown)}"]
    return lines + [f"| {name} | {' | '.join(_cell(row.get(m)) for m in shown)} |" for name, row in rows.items()]


def title(generator: str) -> str:
    return find_generator(generator).TITLE


def _differences(found: Mapping[str, Any], whose: str = "") -> list[str]:
    lines = []
    for name, metrics in found["minus teacher"].items():
        spans = "; ".join(
            f"{metric} " + ", ".join(f"{low:+.3f} to {high:+.3f}" for low, high in intervals)
            for metric, intervals in metrics.items()
        )
        lines += ["", f"{whose}{name} minus teacher, 95 % bootstrap interval of each seed: {spans}."]
    return lines


def markdown(report: Mapping[str, Any]) -> str:
    """report: {"seeds", "retrieval": arm -> metric -> summary, "generators": as `run_generators` returns or None,
    "pipelines": generator -> the same, or none}."""
    seeds = len(report["seeds"])
    lines = [
        "# What the fine-tuning buys", "",
        f"Mean over {seeds} seeds ± half of its 95 % interval (1.96 sd / sqrt({seeds})).", "",
        "Retrieval among all test clips in the arm's own space, t2m by text and m2t by motion; the student's text norm",
        "as a share of the teacher's, and the cosine of their vectors.", "", *_table(RETRIEVAL, report["retrieval"]),
    ]  # fmt: skip
    generators = report.get("generators")
    if generators:
        rows = {"real motion": generators["real"], **generators["arms"]}
        lines += [
            "", "The same generator, fine-tuned to each tower with the same steps and draws;",
            f"{generators['clips']} test clips, captions in words that no training clip has.",
            "", *_table(GENERATOR, rows),
        ]  # fmt: skip
        lines += _differences(generators)
    pipelines = report.get("pipelines") or {}
    if pipelines:
        first = next(iter(pipelines.values()))
        rows = {"real motion": first["real"]}
        rows |= {
            f"{title(name)}, {arm}": row for name, found in pipelines.items() for arm, row in found["arms"].items()
        }
        lines += [
            "", "Generators trained to the teacher's tower alike, each then fine-tuned to every tower with the same",
            f"steps and draws; {first['clips']} test clips, captions in words that no training clip has.",
            "", *_table(GENERATOR, rows),
        ]  # fmt: skip
        for name, found in pipelines.items():
            lines += _differences(found, f"{title(name)}: ")
    return "\n".join(lines) + "\n"


_MOST_ACROSS, _ACROSS = 5, 4
"""Panels of a plot that stand side by side, at most in one line, and in each of several."""


def plot(report: Mapping[str, Any], path: Path) -> None:
    """Dots with intervals: recall of each arm, and Top-1, Top-3 and FID of the generators. Needs matplotlib.

    Raises MoclipError where it is missing.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MoclipError(
            "The plot of an ablation needs matplotlib.", hint="`pip install 'moclip[train]'`.", code="missing_package"
        ) from error
    panels = [("retrieval", metric, report["retrieval"]) for metric in ("t2m R@1", "t2m R@3")]
    if report.get("generators"):
        arms = report["generators"]["arms"]
        panels += [("generator", metric, arms) for metric in ("Top-1", "Top-3", "FID")]
    for name, found in (report.get("pipelines") or {}).items():
        panels += [(title(name), metric, found["arms"]) for metric in ("Top-1", "Top-3")]
    across = len(panels) if len(panels) <= _MOST_ACROSS else _ACROSS
    lines = -(-len(panels) // across)
    size = (3.2 * across, lines * (0.4 * len(report["retrieval"]) + 1.4))
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(lines, across, squeeze=False).flatten()
    for unused in axes[len(panels) :]:
        unused.remove()
    for axis, (kind, metric, rows) in zip(axes, panels, strict=False):
        names = [name for name in report["retrieval"] if name in rows][::-1]  # in one order in every panel
        for height, name in enumerate(names):
            summary = rows[name][metric]
            axis.plot(
                [summary["least"], summary["most"]], [height] * 2, color="0.75", linewidth=6, solid_capstyle="round"
            )
            axis.errorbar(summary["mean"], height, xerr=summary["half"], fmt="o", color="tab:blue", capsize=3)
        axis.set_yticks(range(len(names)), names)
        axis.set_ylim(-0.6, len(names) - 0.4)
        axis.set_title(f"{kind}: {metric}", fontsize=10)
        axis.grid(axis="x", alpha=0.3)
    figure.savefig(path, dpi=110)


def write_report(report: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write ablation.json, ablation.md and ablation.png; the paths, the plot last."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"ablation.{suffix}" for suffix in ("json", "md", "png")]
    paths[0].write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    paths[1].write_text(markdown(report), encoding="utf-8")
    plot(report, paths[2])
    return paths
