"""What the server of tests/forks.py has imported: all that a command line or a worker may need."""

import gc

import pyarrow.parquet  # noqa: F401
import scipy.stats  # noqa: F401

import pbench.decode.run
import pbench.report.build
import pbench.report.html
import pbench.score.many
import pbench.theory.sheets
import pbench.theory.simulate  # noqa: F401
from pbench.cli import app as root
from pbench.metrics import METRICS
from pbench.models import find_model, load_model  # noqa: F401
from pbench.samplers import SAMPLERS
from tests import forks, scripted  # noqa: F401

root._register()
for registry in (SAMPLERS, METRICS):
    registry._load_own()
gc.collect()
gc.freeze()  # else a fork's first collection looks at all this, and copies it
