"""Total correlation, bounds, closed forms, and simulations on an exact oracle; see docs/theory.md.

Everything but `simulate` and `league` is numpy and plain Python: importing it loads no torch.
"""

from __future__ import annotations

from pbench.theory.accuracy import schedule_accuracy, threshold_accuracy
from pbench.theory.bounds import best_partitions, best_sizes, partition_bound, total_correlation
from pbench.theory.joint import Joint, uniform
from pbench.theory.table1 import table1
from pbench.theory.tasks import TASKS, get_task, joint_of

__all__ = [
    "TASKS",
    "Joint",
    "best_partitions",
    "best_sizes",
    "get_task",
    "joint_of",
    "partition_bound",
    "schedule_accuracy",
    "table1",
    "threshold_accuracy",
    "total_correlation",
    "uniform",
]
