# SPDX-License-Identifier: Apache-2.0
"""Work in several processes."""

import subprocess
import sys

import pytest

pytest.importorskip("torch", reason="its threads are what a fork loses")

FORKED = """
import torch
from moclip.data.parallel import each

def product(size, number):
    return float(torch.einsum("bik,ji->bjk", torch.ones(64, size, 3), torch.ones(size, size))[0, 0, 0]) + number

torch.set_num_threads(2)
assert product(300, 0) == 300.0  # its threads are there now
assert list(each(product, range(3), 300, 2)) == [300.0, 301.0, 302.0]
"""


def test_processes_do_not_wait_for_the_threads_of_their_parent():
    done = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
