# SPDX-License-Identifier: Apache-2.0
"""`moclip bench serve` in small: real backends, fewer messages."""

import json
import sys

import pytest
from checkout import PYTHONPATH

from moclip_backend.bench import serving

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads memory from /proc")


def test_the_figures_are_there_and_a_bound_that_is_not_kept_is_exit_code_1(moclip, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", PYTHONPATH)
    monkeypatch.setattr(serving, "baseline_ms", lambda: 100.0)
    for name, value in {"_MALFORMED": 200, "_JOBS_BEFORE": 3, "_JOB_SECONDS": 0.1}.items():
        monkeypatch.setattr(serving, name, value)
    code, out, err = moclip("bench", "serve", "--jobs", "10", "--soak", "0.05")
    figures = json.loads(out)
    assert err == "" and code == (0 if all(figures["holds"].values()) else 1)
    assert figures["overhead"]["jobs"] == 10 and figures["overhead"]["median_ms"] > 0
    assert figures["fairness"]["alone_seconds"] >= 0.1 and figures["fairness"]["ratio_to_alone"] > 0.5
    assert set(figures["malformed"]) == {"null_stranger", "null_client", "curve_stranger", "curve_client"}
    assert all(one["alive"] for one in figures["malformed"].values())
    assert figures["soak"]["jobs"] >= 4 * 21 and figures["soak"]["samples"] >= 4


def test_bounds_are_those_that_are_named():
    good = {"alive": True, "growth_mb": 19.0, "longest_stall_ms": 99.0, "next_good_request_seconds": 0.4}
    figures = {
        "overhead": {"median_ms": 2.9, "p99_ms": 9.9}, "fairness": {"more_in_jobs": 1.0},
        "malformed": {"null_client": good, "curve_client": good}, "soak": {"growth_mb": 0.0},
    }  # fmt: skip
    assert all(serving._holds(figures).values()) and len(serving._holds(figures)) == 8
    figures["malformed"]["null_client"] = {**good, "longest_stall_ms": 101.0}
    assert [name for name, held in serving._holds(figures).items() if not held] == ["malformed: no stall over 100 ms"]
