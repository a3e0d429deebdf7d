# SPDX-License-Identifier: Apache-2.0
"""The embedded model through the real backend and the real command line."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from checkout import PYTHONPATH

from moclip.errors import MoclipError
from moclip.files.formats import load_motion
from moclip.models import model_info
from moclip_backend.client.client import Client

TOKEN = "a token that only this test knows"
MODEL = os.environ.get("MOCLIP_TEST_MODEL", "embedded")


@pytest.fixture(scope="module", autouse=True)
def model() -> Path:
    try:
        return model_info(MODEL).path
    except MoclipError as error:
        pytest.skip(f"no weights here: {error}")


@pytest.fixture
def environment(tmp_path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": PYTHONPATH, "MOCLIP_STATE": str(tmp_path / "state"), "MOCLIP_TOKEN": TOKEN}


def moclip(environment, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "moclip_backend", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)


@pytest.fixture
def client(environment):
    command = [sys.executable, "-m", "moclip_backend.builtin", "--bind", "tcp://127.0.0.1:0", "--model", MODEL]
    started = time.monotonic()
    process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    ready = json.loads(process.stdout.readline())
    elapsed = time.monotonic() - started
    # 2 s on an idle machine of 2 cores; the tests may share it.
    assert ready["ready"] and elapsed < 6.0
    with Client(ready["address"], TOKEN, timeout=60.0) as connected:
        yield connected
    process.stdin.close()
    assert process.wait(20) == 0
    process.stdout.close()


def test_the_same_prompt_and_seed_give_the_same_motion_by_server_and_by_file(client, environment, tmp_path):
    text = "a person walks forward, then waves"
    requests = [{"text": "a person kicks", "seed": 1}, {"text": text, "seconds": 4.0, "seed": 9}]
    results = [m for m in client.generate(requests) if m[0]["type"] == "result"]
    alone = list(client.generate(requests[1:]))[-1]
    out = tmp_path / "walk.npz"
    made = moclip(environment, "generate", text, "--seconds", "4", "--seed", "9", "--model", MODEL, "--out", str(out))
    assert made.returncode == 0, made.stderr
    motion = load_motion(out)
    for header, arrays in (results[1], alone):
        assert (header["seconds"], header["seed"], header["text"]) == (4.0, 9, text)
        assert np.abs(arrays["joints"] - motion.joints()).max() < 1e-3
        assert np.allclose(np.linalg.norm(arrays["rotations"], axis=-1), 1.0, atol=1e-4)


def test_bad_requests_get_the_sentence_of_the_prompt_check(client):
    for request, code in (
        ({"text": ""}, "bad_prompt"),
        ({"text": "walk " * 1000}, "bad_prompt"),
        ({"text": "一个人向前走"}, "bad_prompt"),
        ({"text": "a person walks", "seconds": 1000}, "bad_seconds"),
        ({"text": "a person walks", "seed": -1}, "bad_seed"),
    ):
        with pytest.raises(MoclipError) as caught:
            list(client.generate([request]))
        assert caught.value.code == code
    assert list(client.generate([{"text": "a person walks"}]))[-1][0]["type"] == "result"


def test_a_long_prompt_is_generated_with_a_warning(client):
    header, _ = list(client.generate([{"text": "a person walks forward and waves " * 20}]))[-1]
    assert any("first 77" in warning for warning in header["warnings"])


def test_truncated_weights_are_one_sentence(model, environment, tmp_path):
    damaged = tmp_path / "damaged"
    shutil.copytree(model, damaged)
    weights = damaged / "masked.safetensors"
    weights.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])
    for command in (
        ["generate", "a person walks", "--model", str(damaged), "--out", str(tmp_path / "x.npz")],
        ["serve", "--model", str(damaged), "--bind", "tcp://127.0.0.1:0"],
        ["models", "verify", str(damaged)],
    ):
        result = moclip(environment, *command)
        assert result.returncode == 1 and len(result.stderr.splitlines()) == 1, result.stderr
        assert result.stderr.startswith("error: ") and "masked.safetensors" in result.stderr
    assert not (tmp_path / "x.npz").exists()


MEMORY_MB = 300


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_a_backend_stays_small(client):
    for text in ("a person walks forward", "a man runs, then sits down", "someone dances"):
        list(client.generate([{"text": text, "seed": seed} for seed in range(2)]))
    status = Path(f"/proc/{client.status()['pid']}/status").read_text()
    resident = int(status.split("VmRSS:")[1].split()[0]) / 1024
    assert resident < MEMORY_MB, f"{resident:.0f} MB"
