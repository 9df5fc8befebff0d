"""`python -m arc_core` runs `arc core` without the `arc` command installed."""

from arc_core.cli import core

if __name__ == "__main__":
    core(prog_name="arc core")
