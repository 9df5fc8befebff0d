"""Read by gunicorn where it starts: every worker that is ready leaves its id in the folder STARTED.

A worker that has not set its signal handlers yet overhears a SIGTERM, and gunicorn then waits 30 seconds for it.
"""

import os
from pathlib import Path


def post_worker_init(worker):
    if "STARTED" in os.environ:
        Path(os.environ["STARTED"], str(worker.pid)).touch()
