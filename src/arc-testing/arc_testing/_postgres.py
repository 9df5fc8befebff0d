"""A real PostgreSQL in a folder of its own, on a free loopback port."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["running_postgres"]

_SETTINGS = ("-F", "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=40")
"""`-F`: nothing of this is to survive the machine."""


@contextmanager
def running_postgres() -> Iterator[str]:
    """The address of an empty PostgreSQL, as a URL, ended with the block.

    The programs are those that `make postgres` installs. They refuse to run as root: then the server is the user
    `postgres`, which the package made.
    """
    programs = _programs()
    user = "postgres" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="arc-postgres-"))
    if user is not None:
        account = pwd.getpwnam(user)
        os.chown(folder, account.pw_uid, account.pw_gid)
    data, port = folder / "data", _free_port()

    def run(program: str, *arguments: str) -> None:
        done = subprocess.run(
            [programs / program, *arguments], cwd=folder, user=user, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{program}: {done.stderr}"

    try:
        run("initdb", "-D", str(data), "-U", "arc", "-A", "trust", "-E", "UTF8", "--no-sync")
        options = " ".join((*_SETTINGS, f"-p {port}", f"-k {folder}"))
        run("pg_ctl", "-D", str(data), "-l", str(folder / "log"), "-o", options, "-w", "start")
        try:
            yield f"postgresql://arc@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "-D", str(data), "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


def _programs() -> Path:
    """The folder of `initdb` and `pg_ctl`: Debian keeps them off the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or [Path(shutil.which("initdb") or "/none")]
    assert found[-1].exists(), "no PostgreSQL here: `make postgres` installs it"
    return found[-1].parent


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
