# SPDX-License-Identifier: Apache-2.0
import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from checkout import PYTHONPATH, ROOT
from serve_slow_engine import SlowEngine

from moclip.errors import MoclipError
from moclip.files.formats import load_motion, save_motion
from moclip.motion.motion import Motion
from moclip.motion.pins import Anchor, Pin
from moclip_backend import cli
from moclip_backend.batch.items import Item, read_batch
from moclip_backend.batch.run import Here, Maker, _key, generate_batch
from moclip_backend.commands import generate as generate_module


@pytest.fixture
def moclip(moclip, monkeypatch, tmp_path):
    """Run a command in this process, with an engine that needs no weights: (exit code, stdout, stderr)."""
    monkeypatch.setenv("MOCLIP_STATE", str(tmp_path / "state"))
    monkeypatch.delenv("MOCLIP_TOKEN", raising=False)
    monkeypatch.setattr(generate_module, "_load", lambda *_: Checking(0.0))
    return moclip


class Checking(SlowEngine):
    """Calls its callbacks only when it is given some, as the pipeline does."""

    def generate(self, requests, *, progress=None, cancelled=None):
        return super().generate(
            requests, progress=progress or (lambda stage, fraction: None), cancelled=cancelled or (lambda: False)
        )


def child(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    settings = {**os.environ, "PYTHONPATH": PYTHONPATH, **environment}
    return subprocess.run([sys.executable, *arguments], env=settings, capture_output=True, text=True, timeout=60)


def test_help_is_quick_and_imports_nothing_heavy():
    resource = pytest.importorskip("resource", reason="the time of other processes is asked so on Unix")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = child("-X", "importtime", "-m", "moclip_backend", "--help")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert result.returncode == 0 and "generate" in result.stdout and "doctor" in result.stdout
    imported = {line.split("|")[-1].strip() for line in result.stderr.splitlines()}
    assert not imported & {"numpy", "torch", "onnxruntime", "zmq", "matplotlib", "bpy", "moclip.generate.pipeline"}
    # The processor's time: wall clock time of a shared machine says little. Without the timing of imports it is less.
    assert after.ru_utime - before.ru_utime < 0.5


@pytest.mark.parametrize("command", sorted(cli.COMMANDS))
def test_every_command_has_help_with_an_example(moclip, command):
    if not (ROOT / "backend" / "moclip_backend" / "commands" / f"{command}.py").exists():
        pytest.skip(f"`{command}` is not part of this checkout")
    code, out, _ = moclip(command, "--help")
    assert code == 0 and "Example: moclip " in out


def test_help_shows_the_names_of_a_recipes_tables(moclip):
    code, out, _ = moclip("ablate", "--help")
    assert code == 0 and "[moclip]" in out and "[start]" in out


@pytest.mark.parametrize(
    "arguments",
    [
        ["dance"],
        ["generate"],
        ["generate", "a", "--batch", "b.jsonl"],
        ["generate", "a", "--seconds", "long"],
        ["generate", "a", "--seed", "-1"],
        ["generate", "a", "--variations", "0"],
        ["generate", "--batch", "b.jsonl"],
        ["generate", "--nonsense"],
        ["models", "frobnicate"],
    ],
)
def test_bad_usage_is_exit_code_2(moclip, arguments):
    assert moclip(*arguments)[0] == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["generate", ""], "empty"),
        (["generate", "walk " * 1000], "characters"),
        (["generate", "一个人向前走"], "English"),
        (["generate", "a person walks", "--seconds", "0"], "seconds"),
        (["generate", "a person walks", "--seconds", "-3"], "seconds"),
        (["generate", "a person walks", "--seconds", "1000"], "seconds"),
        (["generate", "a person walks", "--seconds", "nan"], "seconds"),
        (["generate", "a person walks", "--out", "no/such/folder/walk.bvh"], "folder"),
        (["generate", "a person walks", "--out", "walk.docx"], ".docx"),
        (["generate", "a person walks", "--out", "folder.npz"], "is a folder"),
        (["generate", "--batch", "missing.jsonl", "--out", "x"], "missing.jsonl"),
        (["models", "info", "walker"], "walker"),
        (["models", "verify", "walker"], "walker"),
        (["status"], "backend"),
        (["status", "--address", "elsewhere"], "address"),
        (["serve", "--bind", "tcp://0.0.0.0:0"], "CURVE"),
        (["serve", "--bind", "127.0.0.1"], "address"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_1(moclip, tmp_path, arguments, says):
    (tmp_path / "folder.npz").mkdir()
    code, _, err = moclip(*arguments)
    lines = err.strip().splitlines()
    assert code == 1 and len(lines) == 1
    assert lines[0].startswith("error: ") and says in lines[0] and lines[0].endswith((".", ").", '".'))


def test_nothing_is_loaded_before_bad_input_is_refused(moclip, monkeypatch):
    monkeypatch.setattr(generate_module, "_load", lambda *_: pytest.fail("the model was loaded"))
    assert moclip("generate", "a person walks", "--out", "no/walk.bvh")[0] == 1


def test_generate_writes_the_motion_that_was_asked_for(moclip, tmp_path):
    code, out, err = moclip("generate", "a person walks", "--seconds", "3", "--seed", "4", "--out", "walk.npz")
    assert (code, err) == (0, "") and "3.00 s, 60 frames, seed 4" in out
    motion = load_motion(tmp_path / "walk.npz")
    assert motion.frames == 60 and motion.seed == 4 and motion.text == "a person walks"
    assert np.all(motion.root_translation == 4.0)


def test_variations_have_their_own_seeds_and_names(moclip, tmp_path):
    (tmp_path / "walk-1.npz").write_text("old")
    options = ("--variations", "3", "--seed", "5", "--out", "walk.npz", "--json")
    code, out, _ = moclip("generate", "a person walks", *options)
    assert code == 0
    assert [entry["seed"] for entry in json.loads(out)] == [5, 6, 7]
    assert sorted(p.name for p in tmp_path.glob("*.npz")) == ["walk-1.npz", "walk-2.npz", "walk-3.npz"]
    assert load_motion(tmp_path / "walk-1.npz").seed == 5


def test_warnings_go_to_stderr_and_the_motion_is_written(moclip, tmp_path):
    code, out, err = moclip("generate", "far away", "--out", "x.npz")
    assert code == 0 and err == "warning: x.npz: It is far.\n" and (tmp_path / "x.npz").exists()


def test_a_batch_reports_its_bad_lines_with_numbers_and_writes_the_rest(moclip, tmp_path):
    lines = [
        '{"id": "a", "text": "a person walks", "seconds": 2, "seed": 3}',
        "{oops",
        '{"id": "../b", "text": "a person walks"}',
        '{"id": "c/d", "text": "a person walks"}',
        "",
        '{"id": "a", "text": "a person runs"}',
        '{"id": "e", "text": ""}',
        '{"id": "f", "text": "a person walks", "seconds": 1000}',
        '{"id": "g", "text": "a person walks", "seed": -1}',
        '["h"]',
        '{"text": "a person walks"}',
        '{"id": "..", "text": "a person walks"}',
        '{"id": "refused", "text": "refuse this"}',
        '{"id": "z", "text": "a person waves", "seconds": "auto"}',
    ]
    (tmp_path / "batch.jsonl").write_text("\n".join(lines), encoding="utf-8")
    code, out, err = moclip("generate", "--batch", "batch.jsonl", "--out", "made/here")
    assert code == 1
    assert sorted(p.name for p in (tmp_path / "made/here").iterdir()) == ["a.npz", "z.npz"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["batch.jsonl", "made"]
    reported = [int(line.split()[2].rstrip(":")) for line in err.splitlines() if line.startswith("error: line ")]
    assert sorted(reported) == [2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13]
    assert "line 1 already" in err and err.endswith("2 of 13 motions written to made/here.\n")
    first = load_motion(tmp_path / "made/here/a.npz")
    assert (first.seed, first.frames, first.text) == (3, 40, "a person walks")


def test_a_good_batch_is_exit_code_0_in_any_format(moclip, tmp_path):
    lines = '\ufeff{"id": 1, "text": "walk"}\r\n{"id": "é", "text": "run"}\r\n'
    (tmp_path / "batch.jsonl").write_bytes(lines.encode("utf-8"))
    code, out, err = moclip("generate", "--batch", "batch.jsonl", "--out", "made", "--format", "npy")
    assert code == 0 and sorted(p.name for p in (tmp_path / "made").iterdir()) == ["1.npy", "é.npy"]


def test_a_line_of_a_batch_has_pins_and_poses_of_its_own(moclip, tmp_path):
    """Files are named from where the list lies; what is wrong costs its line alone; other pins are another motion."""
    (tmp_path / "list").mkdir()
    turns = np.zeros((40, 22, 4), np.float32)
    turns[..., 0] = 1.0
    turns[20:, 16] = [np.cos(0.4), 0.0, 0.0, np.sin(0.4)]  # the left arm is up from second 1 on
    save_motion(Motion(20.0, turns, np.tile(np.float32([0.0, 0.95, 0.0]), (40, 1))), tmp_path / "list" / "blocked.npz")
    pin = {"effector": "right_hand", "seconds": 1.0, "place": [-0.35, 1.2, 0.3], "turn": None, "until": None}
    lines = [
        {"id": "pinned", "text": "stand", "seconds": 2.0, "pins": [pin]},
        {"id": "posed", "text": "stand", "seconds": 2.0, "poses": "blocked.npz", "at": [0.5, 1.5]},
        {"id": "late", "text": "stand", "seconds": 2.0, "pins": [pin | {"seconds": 3.0}]},
        {"id": "torn", "text": "stand", "seconds": 2.0, "pins": [{"seconds": 1.0}]},
        {"id": "half", "text": "stand", "seconds": 2.0, "poses": "blocked.npz"},
        {"id": "gone", "text": "stand", "seconds": 2.0, "poses": "none.npz", "at": "0.5"},
    ]

    def run(*lines):
        (tmp_path / "list" / "batch.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        return moclip("generate", "--batch", "list/batch.jsonl", "--out", "out")

    code, _, err = run(*lines)
    assert code == 1 and "2 of 6 motions written" in err and "Traceback" not in err
    for number, part in (
        (3, "before what it is to meet at second 3"),
        (4, "has an effector"),
        (5, '"at" says'),
        (6, "none.npz"),
    ):
        (told,) = [line for line in err.splitlines() if f"line {number}: " in line]
        assert part in told
    wrist = load_motion(tmp_path / "out/pinned.npz").joints()[:, 21]
    assert np.linalg.norm(wrist[20] - pin["place"]) < 0.01 < np.linalg.norm(wrist[0] - pin["place"])
    posed = load_motion(tmp_path / "out/posed.npz").rotations
    np.testing.assert_allclose(posed[[10, 30], 16], turns[[10, 30], 16], atol=1e-4)


def test_a_batch_goes_on_only_with_the_same_pins(tmp_path):
    pin = Pin("right_hand", 1.0, (-0.35, 1.2, 0.3))
    item, maker = Item(1, "a", tmp_path / "a.npz", "stand", 2.0, 0), Maker("m", "r", "d")
    pinned = replace(item, pins=(pin,))
    others = [item, pinned, replace(item, pins=(replace(pin, seconds=1.5),)),
              replace(pinned, anchors=(Anchor(0.5, np.eye(22, 4), np.zeros(3)),))]  # fmt: skip
    assert len({_key(one, maker) for one in others}) == 4 and _key(pinned, maker) == _key(replace(pinned), maker)


@pytest.mark.parametrize("content", [b"", b"\n\n  \n"])
def test_an_empty_batch_is_an_error(tmp_path, content):
    (tmp_path / "batch.jsonl").write_bytes(content)
    with pytest.raises(MoclipError):
        read_batch(tmp_path / "batch.jsonl", tmp_path, "npz")


@pytest.mark.parametrize(
    "name", ["/etc/x", "a\\b", "a\0b", "a\nb", ".hidden", "a..b", "x" * 101, "C:x", "a ", "\ud800", 1.5, None, True]
)
def test_ids_that_are_no_safe_file_names_are_refused(tmp_path, name):
    (tmp_path / "batch.jsonl").write_text(json.dumps({"id": name, "text": "a person walks"}))
    items, errors = read_batch(tmp_path / "batch.jsonl", tmp_path, "npz")
    assert items == [] and len(errors) == 1


def test_a_file_that_cannot_be_written_costs_only_its_line(tmp_path):
    (tmp_path / "b.npz").mkdir()
    items = [Item(k, name, tmp_path / f"{name}.npz", "walk", 1.0, 0) for k, name in enumerate("abc", start=1)]
    outcomes = list(generate_batch(Here(Checking(0.0)), items, lambda stage, fraction: None))
    assert [type(outcome).__name__ for outcome in outcomes] == ["dict", "MoclipError", "dict"]
    assert str(outcomes[1]).startswith("line 2: ")


def test_the_progress_of_a_batch_never_falls_and_ends_at_one(tmp_path):
    items = [Item(k, str(k), tmp_path / f"{k}.npz", "walk", 1.0, 0) for k in range(20)]
    seen = []
    list(generate_batch(Here(Checking(0.0)), items, lambda stage, fraction: seen.append(fraction)))
    assert seen == sorted(seen) and 0.9 < seen[-1] <= 1.0


def test_keys_are_private_and_never_made_over(moclip, tmp_path):
    code, out, _ = moclip("keys", "--out", "keys", "--client", "laptop")
    assert code == 0 and (tmp_path / "keys/laptop.json").stat().st_mode & 0o777 == 0o600
    server = (tmp_path / "keys/server.json").read_text()
    assert moclip("keys", "--out", "keys", "--client", "laptop")[0] == 1
    assert moclip("keys", "--out", "keys", "--client", "desk")[0] == 0
    assert (tmp_path / "keys/server.json").read_text() == server
    assert moclip("keys", "--out", "keys", "--client", "../x")[0] == 1
    for secret in (json.loads(server)["secret"], json.loads((tmp_path / "keys/laptop.json").read_text())["secret"]):
        assert secret not in out
        assert all(secret not in p.read_text() for p in (tmp_path / "keys/authorized").iterdir())


def test_a_key_file_that_others_can_read_is_refused(moclip, tmp_path):
    moclip("keys", "--out", "keys")
    (tmp_path / "keys/server.json").chmod(0o644)
    code, _, err = moclip("serve", "--bind", "tcp://0.0.0.0:0", "--keys", "keys")
    assert code == 1 and "other users can read it" in err


def test_the_unexpected_is_a_sentence_and_a_log(tmp_path):
    program = "import sys; from moclip_backend.reporting import run; sys.exit(run(lambda: 1 / 0))"
    result = child("-c", program, MOCLIP_STATE=str(tmp_path))
    log = tmp_path / "moclip.log"
    assert result.returncode == 1
    what = "Something unexpected went wrong (ZeroDivisionError: division by zero)."
    assert result.stderr == f"error: {what} The details are in {log}.\n"
    assert "Traceback" in log.read_text() and "ZeroDivisionError" in log.read_text()


def test_a_reader_that_stops_reading_is_no_surprise(tmp_path):
    environment = {**os.environ, "PYTHONPATH": PYTHONPATH, "MOCLIP_STATE": str(tmp_path)}
    shell = f'"{sys.executable}" -m moclip_backend doctor --json | head -c 1; exit ${{PIPESTATUS[0]}}'
    result = subprocess.run(["bash", "-c", shell], env=environment, capture_output=True, text=True, timeout=60)
    assert result.stderr == ""


def test_doctor_names_what_the_main_job_needs(moclip):
    _, out, _ = moclip("doctor", "--json")
    checks = {check["what"]: check["state"] for check in json.loads(out)}
    assert checks["Python"] == checks["numpy"] == checks["pyzmq"] == "ok"
    assert "model embedded" in checks and "EGL" in checks and "Blender" in checks


def test_the_builtin_backend_needs_neither_typer_nor_rich():
    program = (
        "import sys; sys.modules.update(typer=None, rich=None, torch=None)\n"
        "import moclip_backend.builtin as b, moclip_backend.server.server\n"
        "print(b.options(['--bind', 'tcp://127.0.0.1:0', '--parent-stdin']))"
    )
    result = child("-c", program)
    assert result.returncode == 0, result.stderr
    assert "parent_stdin=True" in result.stdout
