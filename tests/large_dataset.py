# SPDX-License-Identifier: Apache-2.0
"""What a start on a dataset folder takes: FOLDER; prints seconds of the processor and the peak of memory in GB as JSON.

Both splits are loaded, then batches are drawn as the RVQ's training and MoCLIP's have them.
"""

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np

from moclip.alignment.motion_encoder import MotionEncoderConfig
from moclip.alignment.pairs import pair_batch, pair_clips
from moclip.codecs.train import windows
from moclip.data.clips import load_clips
from moclip.data.folder import DatasetFolder

begun = time.process_time()
dataset, rng = DatasetFolder(Path(sys.argv[1])), np.random.default_rng(0)
clips, held_out = load_clips(dataset, "train"), load_clips(dataset, "val")
first = windows(clips, rng, 64, dataset.mean, dataset.std)[0].abs().sum().item()
started = time.process_time() - begun
for _ in range(int(sys.argv[2])):
    windows(clips, rng, 256, dataset.mean, dataset.std)
drawn = time.process_time() - begun - started
pairs = pair_clips(dataset, clips, MotionEncoderConfig())
for _ in range(int(sys.argv[2])):
    pair_batch(pairs, rng, 128)
paired = time.process_time() - begun - started - drawn
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
print(json.dumps({"clips": len(clips) + len(held_out), "start": started, "windows": drawn, "pairs": paired,
                  "peak_gb": peak, "sum": first}))  # fmt: skip
