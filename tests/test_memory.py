# SPDX-License-Identifier: Apache-2.0
"""What a process has freed goes back to the system."""

import subprocess
import sys

import pytest

from moclip_backend import memory

# Small pieces between which some stay: the C library keeps all of it, since the heap's end is in use.
PROGRAM = """
from moclip_backend.memory import give_back
def resident():
    return int(open("/proc/self/status").read().split("VmRSS:")[1].split()[0]) // 1024
pieces = [bytes(2000) for _ in range(50000)]
last = bytes(2000)
del pieces
before = resident()
give_back()
print(before - resident())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_what_was_freed_goes_back():
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert int(ran.stdout) > 50


def test_it_is_given_back_now_and_then(monkeypatch):
    given, now = [], [100.0]
    monkeypatch.setattr(memory, "give_back", lambda: given.append(now[0]))
    monkeypatch.setattr(memory.time, "monotonic", lambda: now[0])
    seldom = memory.Seldom()
    for now[0] in (100.0, 101.0, 100.0 + memory.SELDOM_S, 101.0 + memory.SELDOM_S):
        seldom.give_back()
    assert given == [100.0, 100.0 + memory.SELDOM_S]


def test_elsewhere_nothing_happens(monkeypatch):
    monkeypatch.setattr(memory, "_trim", lambda: None)
    memory.give_back()
