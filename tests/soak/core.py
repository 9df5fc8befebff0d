"""Long runs of what Arc Core must not fail at: kills, a day, overload. Exit status 1 when a claim fails."""

import argparse
import os
import sys
import tempfile
from pathlib import Path

import core_day
import core_kills
import core_overload

PARTS = {"kills": core_kills.run, "day": core_day.run, "overload": core_overload.run}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--share", type=float, default=1.0, help="of the full size, which takes 30 minutes; 1 unless told"
    )
    parser.add_argument("--only", default=",".join(PARTS), help=f"parts, comma-separated: {', '.join(PARTS)}")
    options = parser.parse_args()
    wanted = options.only.split(",")
    if unknown := set(wanted) - set(PARTS):
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs")
    failed = 0
    with tempfile.TemporaryDirectory(prefix="arc-soak-") as folder:
        for name in wanted:
            failed += PARTS[name](options.share, Path(folder))
    print(f"{failed} claims failed" if failed else "every claim holds")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
