#!/usr/bin/env python3
"""Makes what tests of quantisation compare with. Needs: gguf numpy (made with gguf 0.19).

Tests/CheckpointsTests/Fixtures/quantised.float32   numbers: normal ones of several widths, a block of zeros, one of
                                                    equal numbers, one all positive, ends of equal magnitude
Tests/CheckpointsTests/Fixtures/quantised.TYPE      what gguf.quants.quantize makes of them
"""

import os

import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf.quants import quantize

out = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Tests", "CheckpointsTests", "Fixtures")
random = np.random.default_rng(18)
blocks = [random.normal(size=32) * scale for scale in [1e-3, 0.02, 0.02, 0.02, 0.5, 1, 30, 1000] for _ in range(4)]
blocks += [np.zeros(32), np.full(32, 0.25), np.full(32, -3.0), abs(random.normal(size=32)) + 1]
blocks += [np.tile([1.0, -1.0], 16), np.tile([-1.0, 1.0], 16), np.linspace(-1, 1, 32), np.arange(32.0) - 8]
# One of ten is a zero, as pruning leaves them.
blocks += [random.normal(size=32) * (random.random(32) > 0.1) for _ in range(4)]
values = np.stack(blocks).astype(np.float32)
values.tofile(os.path.join(out, "quantised.float32"))
for kind in [Type.F16, Type.BF16, Type.Q8_0, Type.Q5_1, Type.Q5_0, Type.Q4_1, Type.Q4_0]:
    quantize(values, kind).tofile(os.path.join(out, f"quantised.{kind.name}"))
