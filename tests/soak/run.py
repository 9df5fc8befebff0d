"""Long runs of what must not fail with time: memory, the spool, servers that fork. Exit status 1 when a claim fails."""

import argparse
import sys
import tempfile
from pathlib import Path

import calls
import forks
import spool

PARTS = {"calls": calls.run, "spool": spool.run, "forks": forks.run}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=6, help="about how long; 6 unless told")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, comma-separated: calls, spool, forks")
    options = parser.parse_args()
    wanted = options.only.split(",")
    if unknown := set(wanted) - set(PARTS):
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    failed = 0
    with tempfile.TemporaryDirectory(prefix="arc-soak-") as folder:
        for name in wanted:
            failed += PARTS[name](options.minutes / len(wanted), Path(folder))
    print(f"{failed} claims failed" if failed else "every claim holds")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
