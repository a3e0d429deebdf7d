# SPDX-License-Identifier: Apache-2.0
"""Three steps of MoCLIP in as many processes as this was launched in: OUT CHUNKS; writes losses and last gradients."""

import sys
from pathlib import Path

import torch
from test_alignment_training import MOTION, new_tower, sixteen_pairs

from moclip.alignment import objective
from moclip.alignment.presets import AlignmentConfig
from moclip.alignment.train import train_moclip
from moclip.training.processes import Processes
from moclip.training.run import Compute, Run, Schedule

out, chunks = Path(sys.argv[1]), int(sys.argv[2])
found: dict = {"losses": []}
clip = torch.nn.utils.clip_grad_norm_


def keep(parameters, *args):
    found["gradients"] = {n: p.grad.clone() for n, p in network[0].named_parameters() if p.grad is not None}
    return clip(parameters, *args)


network: list = []
make = objective.MoCLIP.__init__


def remember(self, *args):
    make(self, *args)
    network.append(self)


objective.MoCLIP.__init__ = remember
torch.nn.utils.clip_grad_norm_ = keep
loss = objective.MoCLIP.loss


def noted(self, *args):
    total, numbers = loss(self, *args)
    found["losses"].append(total.item())
    return total, numbers


objective.MoCLIP.loss = noted
pairs = sixteen_pairs()
schedule = Schedule(steps=3, learning_rate=1e-3, warmup=1, validate_every=3)
config = AlignmentConfig(frozen_share=0.34, student_rate=0.5)
run = Run(out, schedule, Compute(chunks=chunks), log=lambda _: None)
train_moclip(new_tower(), pairs, pairs, MOTION, config, run, batch=16)
processes = Processes.join()
if processes.first:
    torch.save({**found, "count": processes.count}, out / "found.pt")
