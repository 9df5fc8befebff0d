"""Wheels: what a user installs works without the checkout, and a newcomer is three commands from his first trace."""

import http.client
import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import arc_runtime
import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = sorted(
    path.parent for folder in ("src", "instrumentations") for path in (ROOT / folder).glob("*/pyproject.toml")
)
SEED = ROOT.parent / "shared/seeds"
UV = str(Path(sys.executable).with_name("uv"))


def clean():
    kept_out = ("OTEL_", "ARC_", "XDG_", "OPENAI_", "PYTHONPATH", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(kept_out)}


def manifest(package):
    return tomllib.loads((package / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheels")
    build = [UV, "build", "--quiet", "--offline", "--all-packages", "--wheel", "--out-dir", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True)
    return folder


@pytest.fixture(scope="module")
def environment(wheels, tmp_path_factory):
    """Make a virtual environment with what `pip install` of these names brings; its `bin`, and variables of a newcomer."""

    def environment(name, *names):
        home = tmp_path_factory.mktemp(name)
        subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, home / "venv"], check=True)
        install = [UV, "pip", "install", "--quiet", "--python", home / "venv/bin/python", "--no-config"]
        pins = ["--find-links", wheels, "--constraint", ROOT / "constraints.txt"]
        subprocess.run([*install, *pins, *names], cwd=home, check=True)
        (home / "run").mkdir(mode=0o700)
        env = clean() | {
            "HOME": str(home), "XDG_RUNTIME_DIR": str(home / "run"), "PYTHONIOENCODING": "utf-8",
            "PATH": f"{home / 'venv/bin'}:{os.environ['PATH']}",
        }  # fmt: skip
        return home, env

    return environment


@pytest.fixture(scope="module")
def newcomer(environment):
    home, env = environment("newcomer", "arc-core>=1.0", "arc-instrumentation-openai>=1.0", "openai")
    yield home, env
    subprocess.run(["arc", "core", "--stop"], env=env, capture_output=True, check=False, timeout=60)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_a_wheel_holds_its_package_with_types_and_depends_on_releases(wheels, package):
    told = manifest(package)
    name = told["name"].replace("-", "_")
    with zipfile.ZipFile(wheels / f"{name}-{told['version']}-py3-none-any.whl") as wheel:
        files = wheel.namelist()
        metadata = wheel.read(f"{name}-{told['version']}.dist-info/METADATA").decode()
    sources = {str(path.relative_to(package)) for path in (package / name).rglob("*.py")}
    assert f"{name}/py.typed" in files
    assert sources == {file for file in files if file.endswith(".py")}
    assert {file.partition("/")[0] for file in files} == {name, f"{name}-{told['version']}.dist-info"}
    ours = [line for line in metadata.splitlines() if line.startswith("Requires-Dist: arc-")]
    assert all(re.match(r"Requires-Dist: arc-[a-z-]+(\[\w+\])?>=\d", line) for line in ours), ours
    assert "file:" not in metadata


def test_the_wheel_of_arc_core_carries_the_workbench_and_the_schema(wheels):
    (wheel,) = wheels.glob("arc_core-*.whl")
    files = zipfile.ZipFile(wheel).namelist()
    assert "arc_core/web/dist/index.html" in files
    assert "arc_core/store/migrations/0001_schema.sql" in files
    assert "arc_core/demo/exchanges.json" in files


def quick_start():
    """The quick start of seed 000 with its import changed; without Arc's two lines where it needs none."""
    (seed,) = SEED.glob("000_*.txt")
    block = re.search(r"### 2\. Basic Usage\n+```python\n(.*?)```", seed.read_text("utf-8"), re.DOTALL)[1]
    plain = re.sub(r"^(from runtime import Arc|# Initialize Arc.*|Arc\(\))\n", "", block, flags=re.MULTILINE)
    yield pytest.param(plain, id="plain")
    if "Arc" in arc_runtime.__all__:
        yield pytest.param(block.replace("from runtime import", "from arc_runtime import"), id="with Arc()")


@pytest.mark.skipif(not SEED.exists(), reason="the quick start is in ../shared/seeds, which this clone has not")
@pytest.mark.parametrize("code", list(quick_start()) if SEED.exists() else [""])
def test_a_newcomer_is_three_commands_from_his_first_trace(newcomer, model, code):
    home, env = newcomer  # the first: pip install arc-core arc-instrumentation-openai
    (home / "app.py").write_text(code)
    env = env | {"OPENAI_BASE_URL": model.url, "OPENAI_API_KEY": "test"}
    ran = subprocess.run(
        ["arc", "run", "app.py"], cwd=home, env=env, capture_output=True, text=True, check=False, timeout=90
    )
    assert (ran.returncode, ran.stdout) == (0, "")
    assert model.requests[0].body["temperature"] == 0.7
    lines = ran.stderr.splitlines()
    assert len(lines) == 5
    assert lines[0].startswith("arc: app.py ended with status 0 after ")
    assert "100 tokens in, 20 out, " in lines[1]
    assert "temperature 0.95 → 0.7" in lines[3]
    shown = subprocess.run(["arc", "traces", "show"], env=env, capture_output=True, text=True, check=False, timeout=60)
    assert shown.returncode == 0
    assert shown.stdout.startswith("chat gpt-4.1  ✓ ok")
    address, path = re.search(r"http://([\d.:]+)(/traces/\w+)", lines[4]).groups()
    connection = http.client.HTTPConnection(address, timeout=10)
    connection.request("GET", path)
    page = connection.getresponse()
    assert (page.status, b"<div id=" in page.read()) == (200, True)
    connection.close()


def test_the_types_of_what_is_installed_are_known(newcomer, tmp_path):
    home, _ = newcomer
    uses = tmp_path / "uses.py"
    uses.write_text(
        "import arc_prices, arc_runtime, arc_semconv\n"
        "from arc_runtime.redaction import redact\n"
        "reveal_type(redact('x'))\nreveal_type(arc_runtime.flush())\nreveal_type(arc_prices.PriceList().usd)\n"
    )
    command = [sys.executable, "-m", "mypy", "--strict", "--python-executable", home / "venv/bin/python"]
    command += ["--config-file", os.devnull, "--cache-dir", tmp_path / "cache", uses]
    done = subprocess.run(command, cwd=home, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    revealed = re.findall(r'Revealed type is "(.*)"', done.stdout)
    assert len(revealed) == 3
    assert not any("Any" in one for one in revealed)


# --- arc bootstrap, and what is said where something is not installed --------------------------------------------------


@pytest.fixture
def lean(environment):
    """Where the runtime and OpenAI's client are, and neither a plugin nor Arc Core."""
    return environment("lean", "arc-runtime>=1.0", "openai")


def versions(home):
    listed = subprocess.run(
        [UV, "pip", "list", "--format", "json", "--python", home / "venv/bin/python"], capture_output=True, check=True
    )
    return {one["name"]: one["version"] for one in json.loads(listed.stdout)}


def test_bootstrap_installs_the_plugins_that_match_and_changes_nothing_else(lean, wheels, tmp_path):
    home, env = lean
    env = env | {"UV_FIND_LINKS": str(wheels), "UV_OFFLINE": "1", "PATH": f"{Path(UV).parent}:{env['PATH']}"}
    arc = str(home / "venv/bin/arc")

    def bootstrap(*options):
        return subprocess.run(
            [arc, "bootstrap", *options],
            env=env,
            cwd=home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    before = versions(home)
    looked, asked = bootstrap("--dry-run", "--json"), bootstrap()
    plan = {step["plugin"]: step["state"] for step in map(json.loads, looked.stdout.splitlines())}
    assert looked.returncode == 0
    assert plan["arc-instrumentation-openai"] == "missing"
    assert plan["arc-instrumentation-langgraph"] == "no library"
    assert (asked.returncode, asked.stderr.count("\n")) == (2, 1)
    assert "--yes" in asked.stderr
    assert versions(home) == before
    done = bootstrap("--yes")
    assert done.returncode == 0, done.stderr
    assert "arc-instrumentation-openai: to be installed, for openai" in done.stdout
    assert versions(home) == before | {
        "arc-instrumentation-openai": manifest(ROOT / "instrumentations/arc-instrumentation-openai")["version"]
    }
    assert "arc-instrumentation-openai: installed, for openai" in bootstrap("--yes").stdout
    told = subprocess.run([arc, "run", "-m", "this"], env=env, cwd=home, capture_output=True, text=True, check=False)
    assert told.returncode == 0
    assert "arc-core is not installed: pip install 'arc-core>=1.0'" in told.stderr


def test_bootstrap_says_that_nothing_was_installed_when_the_installer_fails(lean, tmp_path):
    home, env = lean
    env = env | {
        "UV_OFFLINE": "1",
        "UV_FIND_LINKS": str(tmp_path),
        "UV_NO_INDEX": "1",
        "PATH": f"{Path(UV).parent}:{env['PATH']}",
    }
    command = [str(home / "venv/bin/arc"), "bootstrap", "--yes"]
    done = subprocess.run(command, env=env, cwd=home, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.endswith("arc: nothing was installed; the lines above say why\n")


def test_bootstrap_knows_every_plugin_and_the_versions_it_is_for():
    from arc_runtime.cli._plugins import PLUGINS

    told = {manifest(path)["name"]: manifest(path) for path in PACKAGES if path.parent.name == "instrumentations"}
    assert {name: list(libraries) for name, libraries in PLUGINS.items()} == {
        name: one["optional-dependencies"]["instruments"] for name, one in told.items()
    }


def test_a_library_that_is_too_old_is_left_out():
    from arc_runtime.cli._bootstrap import steps

    found = {step.plugin: step.state for step in steps({"openai": "1.2.0", "langgraph": "1.0.0"})}
    assert found["arc-instrumentation-openai"] == "too old"
    assert found["arc-instrumentation-langgraph"] == "missing"
