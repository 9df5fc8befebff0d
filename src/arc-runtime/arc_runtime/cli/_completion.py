"""`arc completion`: the lines that a shell reads to complete `arc` by."""

import sys
from enum import StrEnum
from typing import Annotated

import typer
from typer._completion_shared import get_completion_script  # the option that prints it guesses the shell

__all__ = ["EPILOG", "completion"]

EPILOG = """\b
Examples:
  eval "$(arc completion bash)"        in ~/.bashrc
  eval "$(arc completion zsh)"         in ~/.zshrc, after compinit
  arc completion fish > ~/.config/fish/completions/arc.fish"""


class Shell(StrEnum):
    """A shell there is a script for."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(shell: Annotated[Shell, typer.Argument(help="Which shell's script.")]) -> None:
    """Print the completion script of a shell. Nothing is installed."""
    script = get_completion_script(prog_name="arc", complete_var="_ARC_COMPLETE", shell=shell.value)
    sys.stdout.write(script + "\n")
