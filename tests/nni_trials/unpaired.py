"""A trial of plain NNI: reports what the parameters earn that the manager handed out; a fourth of them die first."""

import os
import random
import sys
import time

import nni

random.seed(os.environ["NNI_TRIAL_JOB_ID"])
if random.random() < 0.25:
    sys.exit(1)
time.sleep(random.random() * 0.7)
handed = nni.get_next_parameter()
worth = handed["tens"] * 10 + handed["ones"]
for _ in range(3):
    nni.report_intermediate_result(worth)
    time.sleep(0.1)
nni.report_final_result(worth)
