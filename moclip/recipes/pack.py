# SPDX-License-Identifier: Apache-2.0
"""Pack the stages' weights into a model folder that the product loads."""

import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from moclip.alignment.train import motion_encoder_weights
from moclip.captions.action_menu import menu_rows
from moclip.captions.written import written_elsewhere
from moclip.data.folder import DatasetFolder
from moclip.generate.familiarity import ACTIONS_FILE, WORDING_FILE, KnownActions
from moclip.generators.base.generator import DEFAULT, find_generator
from moclip.models import JUDGE, RECOGNISER, load_model, needed_networks, write_description
from moclip.nn.checkpoint import fingerprint, load_weights, save_weights
from moclip.recipes.edges import captions_by_class, learn, styled_sentences
from moclip.recipes.recipe import PublishTable
from moclip.recipes.work import tower_vectors
from moclip.recognition.text_classifier import unit_vectors
from moclip.training.run import Log

EVERYTHING = PublishTable()
CENTRES = 512
"""Unit vectors that stand for the training captions; 0.4 MB at 384 dimensions."""


def k_means(points: np.ndarray, count: int, *, rounds: int = 12, seed: int = 0) -> np.ndarray:
    """Spherical k-means: (N, D) unit vectors -> (count, D) unit centres."""
    rng = np.random.default_rng(seed)
    centres = points[rng.choice(len(points), size=min(count, len(points)), replace=False)]
    for _ in range(rounds):
        nearest = (points @ centres.T).argmax(axis=1)
        sums = np.zeros_like(centres)
        np.add.at(sums, nearest, points)
        length = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = np.where(length > 0, sums / np.maximum(length, 1e-9), centres)
    found: np.ndarray = centres
    return found


def familiarity(
    dataset: DatasetFolder, tower: tuple[dict[str, np.ndarray], dict[str, Any]], log: Log
) -> tuple[np.ndarray, float]:
    """Centres of the training captions, and the similarity that all but one in 200 validation captions exceed."""
    rng = np.random.default_rng(0)
    train = sorted({c for i in dataset.ids("train") for c in dataset.captions(i)})
    held_out = {c for i in dataset.ids("val") for c in dataset.captions(i)}
    val = sorted(held_out - set(train)) or sorted(held_out)
    train = [train[k] for k in rng.choice(len(train), size=min(20000, len(train)), replace=False)]
    centres = k_means(unit_vectors(tower_vectors(*tower, train, log)), CENTRES)
    known = (unit_vectors(tower_vectors(*tower, val[:4000], log)) @ centres.T).max(axis=1)
    return centres, float(np.quantile(known, 0.005))


def publish_actions(
    dataset: DatasetFolder,
    tower: tuple[dict[str, np.ndarray], dict[str, Any]],
    out: Path,
    unpublished: Collection[str],
    log: Log,
) -> KnownActions | None:
    """Write the table by which a model knows its actions from others.

    Nothing is written for a dataset that does not say what its clips show.
    """
    captions = captions_by_class(dataset, "train") if dataset.clips else {}
    known = {shown: own for shown, own in captions.items() if shown.action not in unpublished}
    if not known:
        return None
    seen = {caption for own in known.values() for caption in own}
    others = [
        caption for shown, own in captions.items() if shown not in known for caption in own if caption not in seen
    ]
    val = captions_by_class(dataset, "val")
    held_out = sorted({c for shown in known for c in val.get(shown, ()) if c not in seen}) or sorted(seen)
    table = learn(
        known, held_out[:: len(held_out) // 2000 + 1], lambda texts: tower_vectors(*tower, texts, log), others=others,
        written=written_elsewhere({shown.action for shown in known}), styled=styled_sentences(tuple(known)),
    )  # fmt: skip
    arrays = table.classifier.to_arrays()
    if table.prototypes is not None:
        arrays["prototypes"] = table.prototypes.astype(np.float16)
    named = {"names": [c.action for c in table.classes], "sides": [c.side for c in table.classes]}
    config = {"kind": "actions", **named, "threshold": round(table.threshold, 4)}
    save_weights(out / ACTIONS_FILE, arrays, {**config, "text_fingerprint": fingerprint(tower[0])})
    if table.wording is not None:
        save_weights(out / WORDING_FILE, table.wording.to_arrays(), {"kind": "wording"}, kept="int8")
    return table


def _fingerprint_in(folder: Path, network: str) -> str | None:
    path = folder / f"{network}.safetensors"
    return fingerprint(load_weights(path)[0]) if path.is_file() else None


def pack(
    dataset: DatasetFolder,
    work: Path,
    out: Path,
    *,
    name: str,
    description: str,
    generator: str = DEFAULT,
    sampling: dict[str, Any] | None = None,
    publish: PublishTable = EVERYTHING,
    in_int8: Collection[str] = (),
    beside: Path | None = None,
    log: Log = print,
) -> None:
    """Write a model folder: networks, graphs, familiarity table, `model.json`; an existing one is replaced.

    in_int8: networks that are kept so; the text tower is as it comes.
    publish: of which actions of the dataset the model tells; the captions of those without teach what it cannot do.
    generator: its name. sampling: settings that the model is sampled with, the generator's and those of `PlanOptions`.
    beside: another model's folder in the same place; of the networks that are the same in both its files are used.
    """
    from moclip.generators.base.networks import parameter_counts
    from moclip.runtimes.export import export_graphs

    out.mkdir(parents=True, exist_ok=True)
    own = find_generator(generator)
    files = {network: work / f"{network}.safetensors" for network in (*needed_networks(own), "length")}
    tuned = work / "decoder.safetensors"
    if tuned.is_file() and load_weights(tuned)[1].get("kind") == own.CODEC:
        files[own.CODEC] = tuned
    loaded = {network: load_weights(path) for network, path in files.items()}
    shares = {
        network: beside.name for network in files
        if beside and fingerprint(loaded[network][0]) == _fingerprint_in(beside, network)
    }  # fmt: skip
    for network, path in files.items():
        if network in shares:
            (out / f"{network}.safetensors").unlink(missing_ok=True)
        elif network in in_int8 and network != "text":
            save_weights(out / f"{network}.safetensors", *loaded[network], kept="int8")
        else:
            shutil.copyfile(path, out / f"{network}.safetensors")
    tower = fingerprint(loaded["text"][0])
    # A generator may also be trained with a tower that no motion was shown to.
    judges = [path for path in (work / "judge" / "moclip.safetensors", work / "moclip.safetensors") if path.is_file()]
    if judges:
        loaded[JUDGE] = motion_encoder_weights(judges[0])
        config = {**loaded[JUDGE][1], "text_fingerprint": tower}
        kept = "int8" if JUDGE in in_int8 else "float16"
        save_weights(out / f"{JUDGE}.safetensors", loaded[JUDGE][0], config, kept=kept)
    centres, threshold = familiarity(dataset, loaded["text"], log)
    np.save(out / "familiarity.npy", centres.astype(np.float16))
    known = publish_actions(dataset, loaded["text"], out, publish.without, log)
    counts = parameter_counts(generator, {name: config for name, (_, config) in loaded.items()})
    recogniser = work / f"{RECOGNISER}.safetensors"
    (out / recogniser.name).unlink(missing_ok=True)  # another model's, where one is replaced
    if known and recogniser.is_file():
        arrays, config = load_weights(recogniser)
        save_weights(out / recogniser.name, arrays, config, kept="int8" if RECOGNISER in in_int8 else "float16")
        counts[RECOGNISER] = sum(array.size for array in arrays.values())
    details = {
        "format": 1,
        "name": name,
        "licence": dataset.meta.get("licence", "unknown"),
        "description": description,
        "fps": dataset.meta["fps"],
        "text_fingerprint": tower,
        "familiarity_threshold": round(threshold, 4),
        "parameters": counts,
        "actions": menu_rows({shown.action for shown in known.classes} - {*publish.unlisted}) if known else [],
        "sources": dataset.meta.get("sources", {}),
        "generator": generator,
        "sampling": sampling or {},
        "metrics": {},
        **({"shares": shares} if shares else {}),
    }
    write_description(out, details)
    for path in export_graphs(load_model(str(out)), out):
        log(f"wrote {path.name}, {path.stat().st_size / 1e3:.0f} kB")
