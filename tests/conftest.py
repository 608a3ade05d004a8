"""One thread: tests share the machine's cores with trials that they start."""

import torch

torch.set_num_threads(1)
