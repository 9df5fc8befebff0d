"""The pages say what the code does: tables, links, code and names."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from arc_semconv import attributes

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "docker").rglob("*.md"),
        *(ROOT / "collector-config").glob("*.md"),
        *(ROOT / "src").glob("*/README.md"),
        *(ROOT / "instrumentations").glob("*/README.md"),
    ]
)
SETTINGS = ROOT / "src/arc-runtime/arc_runtime/settings.py"
LOAN_AGENTS = ROOT / "src/arc-core/arc_core/demo/loan_agents.py"
LINK = re.compile(r"\]\(([^)\s]+)\)|\bsrc(?:set)?=\"([^\"]+)\"")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NAMES_OF_ARC = re.compile(r"\bARC_[A-Z_]+[A-Z]\b")


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text("utf-8"))


@cache
def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def python_blocks() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for language, code in FENCE.findall(page.read_text("utf-8")):
            if language == "python":
                yield name_of(page), code


def test_the_generated_tables_are_those_of_the_code() -> None:
    command = [sys.executable, str(ROOT / "docs/generate_reference.py"), "--check"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_every_name_in_settings_is_documented() -> None:
    names = set(NAMES_OF_ARC.findall(SETTINGS.read_text("utf-8")))
    documented = set(NAMES_OF_ARC.findall((ROOT / "docs/reference/settings.md").read_text("utf-8")))
    assert names - documented == set()


def test_no_page_names_a_setting_that_there_is_not() -> None:
    known = set(NAMES_OF_ARC.findall(SETTINGS.read_text("utf-8")))
    named = {(name_of(page), name) for page in PAGES for name in NAMES_OF_ARC.findall(page.read_text("utf-8"))}
    of_the_collector = {"COLLECTOR_ARC_URL", "COLLECTOR_ARC_API_KEY"}
    assert {(page, name) for page, name in named if name not in known | of_the_collector} == set()


def test_every_page_that_a_reader_may_know_by_its_name_is_there() -> None:
    named = ("integration", "api", "faq", "performance_report", "testing", "adr/README")  # as the first Arc had them
    readme = (ROOT / "README.md").read_text("utf-8")
    assert [name for name in named if f"(docs/{name}.md)" not in readme] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_relative_links_lead_somewhere(page: Path) -> None:
    broken = []
    for found in LINK.findall(prose(page)):
        target = found[0] or found[1]
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        linked = (page.parent / path).resolve() if path else page
        is_page = linked.suffix == ".md" and linked.is_file()
        if not linked.exists() or (anchor and is_page and anchor not in anchors(linked)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize(("page", "code"), list(python_blocks()))
def test_python_in_the_pages_compiles_and_its_assertions_hold(page: str, code: str) -> None:
    tree = ast.parse(code, page)
    if any(isinstance(node, ast.Assert) for node in tree.body):
        exec(compile(tree, page, "exec"), {})  # noqa: S102 - our own pages


def test_attributes_on_the_page_of_spans_are_those_of_arc_semconv() -> None:
    names = {value for name, value in vars(attributes).items() if name.isupper()}
    text = (ROOT / "docs/reference/spans.md").read_text("utf-8")
    named = set(re.findall(r"`((?:arc|gen_ai|openai|server|http|error|telemetry)\.[a-z_.]+)`", text))
    assert named - names == set()


def test_the_loan_agents_are_linked_and_never_copied() -> None:
    source = LOAN_AGENTS.read_text("utf-8")
    linking = [page for page in PAGES if "loan_agents.py)" in page.read_text("utf-8")]
    assert linking
    definitions = re.findall(r"^def \w+\(.*$", source, re.MULTILINE)
    assert [name_of(page) for page in PAGES for line in definitions if line in page.read_text("utf-8")] == []


def test_the_paths_in_the_table_of_the_architecture_exist() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    paths = re.findall(r"`((?:src|instrumentations|docs)/[^`]+)`", text)
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_option_of_the_commands_is_documented() -> None:
    files = [
        *(ROOT / "src/arc-core/arc_core/cli").glob("*.py"),
        *(ROOT / "src/arc-runtime/arc_runtime/cli").glob("*.py"),
    ]
    source = "".join(path.read_text("utf-8") for path in files)
    text = (ROOT / "docs/reference/cli.md").read_text("utf-8")
    assert [option for option in re.findall(r'typer\.Option\(\s*"(--[a-z-]+)"', source) if option not in text] == []
