# SPDX-License-Identifier: Apache-2.0
"""Metrics of text-motion agreement, against values worked out by hand."""

import math

import numpy as np
import pytest

from moclip.alignment.recall import recall
from moclip.errors import MoclipError
from moclip.evaluation import metrics

LINE = np.array([[0.0], [10.0], [20.0], [30.0]])


def test_r_precision_counts_who_is_nearest():
    # Text 0 at 0: motions at 0, 10, 20, 30 -> own first. Text 1 at 26: own (10) is the third after 30 and 20.
    # Text 2 at 14: 10 (4), 20 (6) -> own second. Text 3 at 0: own (30) is the last.
    text = np.array([[0.0], [26.0], [14.0], [0.0]])
    scores = metrics.r_precision(text, LINE, np.arange(4)[None])
    assert scores.tolist() == [0.25, 0.5, 0.75]


def test_r_precision_ranks_within_groups_only():
    text = np.array([[9.0], [10.0], [21.0], [29.0]])
    assert metrics.r_precision(text, LINE, np.arange(4)[None], [1]).tolist() == [0.75]  # text 0 is nearer to motion 1
    assert metrics.r_precision(text, LINE, np.array([[0, 2], [1, 3]]), [1]).tolist() == [1.0]


def test_duplicated_motions_share_their_ranks():
    text = motion = np.zeros((4, 3))
    # Four motions equally near: the own one comes first in a quarter of the orders, among three in three quarters.
    assert metrics.r_precision(text, motion, np.arange(4)[None]).tolist() == [0.25, 0.5, 0.75]


def test_random_vectors_score_by_chance():
    rng = np.random.default_rng(0)
    text, motion = rng.standard_normal((2, 3200, 8))
    groups = metrics.random_groups(3200, rng)
    expected = np.array([1, 2, 3]) / 32
    error = 4 * np.sqrt(expected * (1 - expected) / 3200)
    assert (np.abs(metrics.r_precision(text, motion, groups) - expected) < error).all()


def test_random_groups_drop_the_rest_and_repeat_nobody():
    groups = metrics.random_groups(70, np.random.default_rng(0))
    assert groups.shape == (2, 32) and len(np.unique(groups)) == 64


def test_fewer_clips_than_a_group_is_one_sentence():
    with pytest.raises(MoclipError, match="groups of 32 clips, and there are 31"):
        metrics.random_groups(31, np.random.default_rng(0))


def test_distinct_groups_hold_each_label_once():
    # 5 of a, 5 of b, 1 each of c and d, groups of 2: a and b meet five times; then one of c and d is left with the
    # other: six groups.
    labels = list("aaaaabbbbbcd")
    groups = metrics.distinct_groups(labels, np.random.default_rng(3), size=2)
    assert groups.shape == (6, 2) and len(np.unique(groups)) == 12
    assert all(labels[a] != labels[b] for a, b in groups)


def test_too_few_labels_is_one_sentence():
    with pytest.raises(MoclipError, match="there are 2"):
        metrics.distinct_groups(["a", "b"] * 40, np.random.default_rng(0))


def test_matching_distance_is_the_mean_of_the_pairs():
    assert metrics.matching_distance(np.array([[0.0, 0], [1, 1]]), np.array([[3.0, 4], [1, 1]])) == 2.5  # (5 + 0) / 2


def test_frechet_distance_of_known_gaussians():
    # Samples with exact moments: mean (0, 0) and (1, 2), variances (2, 2) and (8, 18) / 1, no covariance. With N = 4
    # and N - 1 = 3: rows (+-a, 0), (0, +-b) have variances 2 a^2 / 3 and 2 b^2 / 3.
    def cross(mean, var_x, var_y):
        a, b = math.sqrt(1.5 * var_x), math.sqrt(1.5 * var_y)
        return np.array([[a, 0], [-a, 0], [0, b], [0, -b]]) + mean

    # |m|^2 = 1 + 4; for diagonal covariances tr(...) = (sqrt 8 - sqrt 2)^2 + (sqrt 18 - sqrt 2)^2 = 2 + 8.
    distance = metrics.frechet_distance(cross((0, 0), 2, 2), cross((1, 2), 8, 18))
    assert distance == pytest.approx(5 + 2 + 8)


def test_frechet_distance_of_covariances_that_do_not_commute():
    # S1 = [[2, 1], [1, 2]], S2 = diag(1, 4). S1 S2 = [[2, 4], [1, 8]]: trace 10, determinant 12, so
    # tr sqrt(S1 S2) = sqrt(trace + 2 sqrt(det)) = sqrt(10 + 2 sqrt 12); tr S1 + tr S2 = 9.
    def with_covariance(cov):
        corners = np.array([[1, 0], [-1, 0], [0, 1], [0, -1]]) * math.sqrt(1.5)  # covariance: identity
        return corners @ np.linalg.cholesky(np.array(cov)).T

    a, b = with_covariance([[2.0, 1.0], [1.0, 2.0]]), with_covariance([[1.0, 0.0], [0.0, 4.0]])
    assert metrics.frechet_distance(a, b) == pytest.approx(9 - 2 * math.sqrt(10 + 2 * math.sqrt(12)))
    assert metrics.frechet_distance(b, a) == pytest.approx(metrics.frechet_distance(a, b))


def test_frechet_distance_bears_singular_covariances():
    # Both vary along x only (variances 1 and 4), in three dimensions.
    a = np.array([[-1.0, 0, 0], [0, 0, 0], [1, 0, 0]])
    b = a * 2 + [0.0, 3.0, 0.0]
    assert metrics.frechet_distance(a, b) == pytest.approx(9 + 1)
    assert metrics.frechet_distance(a, a) == pytest.approx(0.0, abs=1e-12)
    same = np.ones((5, 3))  # no variance at all
    assert metrics.frechet_distance(same, same + 2) == pytest.approx(12.0)
    # At right angles, the roots have nothing in common: the traces add up.
    assert metrics.frechet_distance(a, a[:, [1, 0, 2]]) == pytest.approx(2.0)


def test_frechet_distance_of_fewer_rows_than_dimensions_to_itself_is_zero():
    rows = np.random.default_rng(0).standard_normal((10, 64))
    assert metrics.frechet_distance(rows, rows) == pytest.approx(0.0, abs=1e-6)


def test_one_clip_or_nonsense_is_one_sentence():
    with pytest.raises(MoclipError, match="at least 2 clips, and there are 1"):
        metrics.frechet_distance(np.ones((1, 3)), np.ones((4, 3)))
    with pytest.raises(MoclipError, match="not finite"):
        metrics.diversity(np.array([[1.0], [math.nan]]), np.random.default_rng(0))
    with pytest.raises(MoclipError, match="two motions of each text"):
        metrics.multimodality(np.ones((4, 1, 3)), np.random.default_rng(0))


def test_diversity_of_two_places_is_half_their_distance():
    # Half of the clips at 0, half at 6: pairs differ with probability 1/2, so 3 on average.
    motion = np.repeat([[0.0], [6.0]], 2000, axis=0)
    values = [metrics.diversity(motion, np.random.default_rng(k)) for k in range(40)]
    assert np.mean(values) == pytest.approx(3.0, abs=4 * 3 / math.sqrt(300 * 40))
    assert metrics.diversity(np.ones((50, 2)), np.random.default_rng(0)) == 0.0  # fewer than 100 clips


def test_multimodality_is_taken_within_a_text():
    # Far apart from text to text, but the motions of each text are one: no modes at all.
    same = np.repeat(np.arange(5.0)[:, None, None] * 100, 12, axis=1)
    assert metrics.multimodality(same, np.random.default_rng(0)) == 0.0
    # Two motions at distance 8, both drawn on both sides: the pairs match (0) or cross (8), even chances.
    two = np.tile(np.array([[[0.0], [8.0]]]), (4000, 1, 1))
    assert metrics.multimodality(two, np.random.default_rng(0)) == pytest.approx(4.0, abs=4 * 4 / math.sqrt(4000))


def test_recall_by_rank_of_the_best_right_column():
    similarity = np.array([[0.9, 0.5, 0.1], [0.9, 0.5, 0.1], [0.9, 0.5, 0.1]])
    assert recall(similarity, np.eye(3, dtype=bool), (1, 2, 3)) == pytest.approx({1: 1 / 3, 2: 2 / 3, 3: 1.0})
    alike = np.array([[1, 0, 1], [0, 1, 0], [1, 0, 1]], dtype=bool)
    assert recall(similarity, alike, (1, 2)) == pytest.approx({1: 2 / 3, 2: 1.0})
    assert recall(np.ones((3, 3)), np.eye(3, dtype=bool), (2, 3)) == {2: 0.0, 3: 1.0}  # nothing is known


def test_interval_over_repeats():
    # Values 1, 2, 3, 6: mean 3, population variance (4 + 1 + 0 + 9) / 4 = 3.5.
    mean, half = metrics.interval([1, 2, 3, 6])
    assert mean == 3.0 and half == pytest.approx(1.96 * math.sqrt(3.5) / 2)
    assert metrics.interval([5.0]) == (5.0, 0.0)


def test_bootstrap_interval_of_a_mean_is_its_standard_error():
    values = np.random.default_rng(1).standard_normal(400)
    low, high = metrics.bootstrap(lambda rows: values[rows].mean(), 400, np.random.default_rng(0), rounds=2000)
    error = values.std() / 20
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.01)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.01)
    assert metrics.bootstrap(lambda rows: 7.0, 3, np.random.default_rng(0), rounds=5) == (7.0, 7.0)
