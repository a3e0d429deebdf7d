# SPDX-License-Identifier: Apache-2.0
"""Metrics of text-to-motion generation on embeddings, in plain numpy (Guo et al., CVPR 2022, section 5; Heusel et al.).

Embeddings are (N, D), row i of one belongs to row i of the other. All sums are float64: distances of like rows are
equal to the last bit, so that a tie is seen as one.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from moclip.errors import MoclipError

GROUP = 32
TOP = (1, 2, 3)
Interval = tuple[float, float]


def _too_few(message: str) -> MoclipError:
    return MoclipError(message, hint="Use a larger split, or one with more kinds of clips.", code="too_few_clips")


def _checked(*embeddings: np.ndarray, least: int = 1) -> list[np.ndarray]:
    """The embeddings in float64. Raises MoclipError for fewer than `least` rows or numbers that are not finite."""
    arrays = [np.asarray(e, dtype=np.float64) for e in embeddings]
    for array in arrays:
        if len(array) < least:
            raise _too_few(f"This metric needs at least {least} clips, and there are {len(array)}.")
        if not np.isfinite(array).all():
            raise MoclipError(
                "Some embeddings are not finite numbers.", hint="Train the evaluator again.", code="bad_embeddings"
            )
    return arrays


def distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Euclidean distances (N, M) of rows (N, D) and (M, D)."""
    apart: np.ndarray = np.linalg.norm(a[:, None].astype(np.float64) - b[None].astype(np.float64), axis=-1)
    return apart


def random_groups(count: int, rng: np.random.Generator, size: int = GROUP) -> np.ndarray:
    """Indices (G, size) of shuffled clips in groups; the last, incomplete group is dropped (HumanML3D's protocol).

    Raises MoclipError when there are fewer than `size` clips.
    """
    if count < size:
        raise _too_few(f"R-precision takes groups of {size} clips, and there are {count}.")
    return rng.permutation(count)[: count // size * size].reshape(-1, size)


def distinct_groups(labels: Sequence[Hashable], rng: np.random.Generator, size: int = GROUP) -> np.ndarray:
    """Indices (G, size) of groups in which no two clips share a label; each clip is in one group at most.

    Labels with most clips left go first, which makes the most groups. Raises MoclipError for fewer than `size` labels.
    """
    members: dict[Hashable, list[int]] = defaultdict(list)
    for index in rng.permutation(len(labels)):
        members[labels[index]].append(int(index))
    if len(members) < size:
        raise _too_few(f"Groups of {size} distinct labels need as many labels, and there are {len(members)}.")
    groups = []
    while len(members) >= size:
        order: list[Any] = list(members)  # numpy's types would not shuffle a list of Hashable
        rng.shuffle(order)
        chosen = sorted(order, key=lambda label: -len(members[label]))[:size]
        groups.append([members[label].pop() for label in chosen])
        members = {label: left for label, left in members.items() if left}
    return np.array(groups)


def r_precision(text: np.ndarray, motion: np.ndarray, groups: np.ndarray, top: Sequence[int] = TOP) -> np.ndarray:
    """(len(top),) share of texts whose own motion is among the nearest k of its group.

    text, motion: (N, D). groups: (G, size) indices. A tie counts by its chance: of two motions equally near, either
    comes first half of the time; the reference lets the order of the batch decide.
    """
    text, motion = _checked(text, motion)
    hits = []
    for group in groups:
        table = distances(text[group], motion[group])
        own = np.diag(table)[:, None]
        nearer, tied = (table < own).sum(1), (table == own).sum(1)
        hits.append([np.clip((k - nearer) / tied, 0.0, 1.0) for k in top])
    shares: np.ndarray = np.concatenate(hits, axis=1).mean(1)
    return shares


def matching_distance(text: np.ndarray, motion: np.ndarray) -> float:
    """MM-Dist: mean Euclidean distance of each text to its own motion; (N, D) both."""
    text, motion = _checked(text, motion)
    return float(np.linalg.norm(text - motion, axis=1).mean())


def moments(embeddings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean (D,) and covariance (D, D), divided by N - 1. Raises MoclipError for fewer than two rows."""
    (rows,) = _checked(embeddings, least=2)
    centred = rows - rows.mean(0)
    return rows.mean(0), centred.T @ centred / (len(rows) - 1)


def _root(matrix: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrix)
    root: np.ndarray = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    return root


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """FID, Heusel et al. 2017 eq. 6: |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)) of rows (N, D) and (M, D).

    tr (S1 S2)^(1/2) is taken from the eigenvalues of S1^(1/2) S2 S1^(1/2), which are real and not negative also where
    a covariance is singular: no retries, no imaginary parts. Fewer rows than dimensions are allowed; the number then
    says more about N than about the motion, so read it beside real against real of like N.
    """
    (mean_a, cov_a), (mean_b, cov_b) = moments(a), moments(b)
    root = _root(cov_a)
    cross = np.sqrt(np.linalg.eigvalsh(root @ cov_b @ root).clip(min=0)).sum()
    distance = ((mean_a - mean_b) ** 2).sum() + np.trace(cov_a) + np.trace(cov_b) - 2 * cross
    return float(max(0.0, distance))


def diversity(motion: np.ndarray, rng: np.random.Generator) -> float:
    """Mean distance of 300 random pairs (100 up to 300 clips, never more pairs than clips) of rows (N, D).

    Both sides are drawn without replacement, so a clip may meet itself, as in the reference.
    """
    (motion,) = _checked(motion, least=2)
    pairs = min(len(motion), 300 if len(motion) > 300 else 100)
    first, second = (rng.choice(len(motion), pairs, replace=False) for _ in range(2))
    return float(np.linalg.norm(motion[first] - motion[second], axis=1).mean())


def multimodality(motion: np.ndarray, rng: np.random.Generator, pairs: int = 10) -> float:
    """Mean distance of `pairs` random pairs among the G motions of one text, over texts; motion: (P, G, D), G >= 2."""
    (motion,) = _checked(motion)
    if motion.ndim != 3 or motion.shape[1] < 2:
        raise _too_few("MultiModality needs at least two motions of each text.")
    pairs = min(pairs, motion.shape[1])
    means = []
    for row in motion:
        first, second = (rng.choice(len(row), pairs, replace=False) for _ in range(2))
        means.append(np.linalg.norm(row[first] - row[second], axis=1).mean())
    return float(np.mean(means))


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Mean over repeats and half the width of its 95 % interval, 1.96 sd / sqrt(n) with the population's sd.

    As the field reports it. It holds what sampling and grouping add, not which clips are in the split.
    """
    array = np.asarray(values, dtype=np.float64)
    if not array.size:
        raise _too_few("An interval needs at least one repeat.")
    return float(array.mean()), float(1.96 * array.std() / np.sqrt(array.size))


def bootstrap(
    statistic: Callable[[np.ndarray], float], count: int, rng: np.random.Generator, rounds: int = 1000
) -> Interval:
    """95 % interval (2.5th, 97.5th percentile) of statistic(indices) over clips drawn again with replacement.

    Differences of two models are taken inside `statistic`, on the same clips, which makes the interval a paired one.
    """
    if count < 2:
        raise _too_few(f"A bootstrap needs at least two clips, and there are {count}.")
    values = [statistic(rng.integers(count, size=count)) for _ in range(rounds)]
    low, high = np.percentile(values, (2.5, 97.5))
    return float(low), float(high)
