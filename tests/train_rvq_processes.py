# SPDX-License-Identifier: Apache-2.0
"""Three steps of an RVQ and of a masked transformer in as many processes as this was launched in: OUT."""

import sys
from dataclasses import replace
from pathlib import Path

import torch
from test_training import SMALL, SMALL_RVQ, token_clips
from toy_dataset import make_toy_dataset

from moclip.codecs.rvq import RVQ
from moclip.codecs.train import ReconstructionTask, RVQLoss, WindowDraws
from moclip.data.folder import DatasetFolder
from moclip.generators.base.learners import TokenData, TokenTask
from moclip.generators.momask.train import LEARNERS
from moclip.generators.momask.transformers import MaskedTransformer
from moclip.training.processes import Processes
from moclip.training.run import Run, Schedule
from moclip.training.trainer import Trainer

out = Path(sys.argv[1])
processes = Processes.join()
with processes.first_goes_ahead():
    # Made anew by a second one, files would be empty for a moment while the first one reads them.
    dataset = make_toy_dataset(out / "data") if processes.first else DatasetFolder(out / "data")
run = Run(out, Schedule(steps=3, learning_rate=1e-3, warmup=1, validate_every=3), log=lambda _: None)
torch.manual_seed(0)
# Without draws that depend on which rows a process has.
certain = replace(SMALL_RVQ, dropout=0.0, quantize_dropout=0.0, sample_temperature=0.0)
rvq = RVQ(certain)
Trainer(ReconstructionTask("rvq", RVQLoss(rvq), {}, dataset, WindowDraws(batch=8), (3,)), run).run()
masked = MaskedTransformer(SMALL)
data = TokenData(token_clips(), token_clips(), "tower")
Trainer(TokenTask("masked", LEARNERS["masked"], masked, data, batch=8), run).run()
state = {name: {**n.state_dict(), **dict(n.named_buffers())} for name, n in (("rvq", rvq), ("masked", masked))}
torch.save({"count": processes.count, **state}, out / f"{processes.rank}.pt")
