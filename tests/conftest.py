"""One thread for each test process and what it starts: several share the machine's cores."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
