"""Which framework an agent is of, and which domain it works in, as far as it can be told; with what it was told by."""

import re
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from types import ModuleType
from typing import Any, Final, NamedTuple

__all__ = ["Detection", "detect_agent"]

_FRAMEWORKS: Final[Mapping[str, str]] = {
    "langgraph": "langgraph", "langchain": "langchain", "langchain_core": "langchain",
    "langchain_classic": "langchain", "langchain_community": "langchain", "autogen": "autogen",
    "autogen_agentchat": "autogen", "autogen_core": "autogen", "ag2": "ag2", "crewai": "crewai",
    "llama_index": "llama_index", "agents": "openai_agents", "pydantic_ai": "pydantic_ai", "smolagents": "smolagents",
    "haystack": "haystack", "dspy": "dspy", "semantic_kernel": "semantic_kernel", "strands": "strands", "agno": "agno",
    "openai": "openai", "anthropic": "anthropic",
}  # fmt: skip
"""Frameworks by the package that their classes are of."""
_DOMAINS: Final[Mapping[str, frozenset[str]]] = {
    "finance": frozenset(
        {"account", "accounts", "aml", "bank", "banking", "credit", "finance", "financial", "fraud", "income",
         "invoice", "kyc", "lending", "loan", "loans", "mortgage", "payment", "payments", "portfolio", "tax", "trading",
         "transaction", "transactions", "underwriter", "underwriting"}
    ),
    "security": frozenset(
        {"attack", "auth", "cve", "exploit", "firewall", "incident", "intrusion", "malware", "phishing", "secret",
         "secrets", "security", "siem", "soc", "threat", "threats", "vulnerabilities", "vulnerability"}
    ),
    "ml": frozenset(
        {"bias", "classifier", "dataset", "datasets", "drift", "embedding", "embeddings", "fairness", "feature",
         "features", "hyperparameter", "inference", "labels", "mlops", "regression", "training"}
    ),
    "health": frozenset(
        {"clinical", "diagnosis", "doctor", "health", "healthcare", "hipaa", "hospital", "medical", "medication",
         "patient", "patients", "symptom", "symptoms", "triage"}
    ),
    "support": frozenset(
        {"customer", "customers", "helpdesk", "order", "orders", "refund", "refunds", "return", "shipping", "support",
         "ticket", "tickets"}
    ),
    "coding": frozenset(
        {"bug", "bugs", "code", "coder", "coding", "commit", "compiler", "developer", "git", "programmer", "pytest",
         "refactor", "repository", "software"}
    ),
}  # fmt: skip
"""Words that agents of a domain are named and described with."""
_WORD: Final = re.compile(r"[A-Za-z][a-z]+|[A-Z]{2,}(?![a-z])")
_LONGEST: Final = 4_000
"""Characters of one text that are looked at."""
_MOST_TOOLS: Final = 50


class Detection(NamedTuple):
    """What an agent was found to be."""

    framework: str | None
    """E.g. `langgraph`; None where nothing says so."""
    framework_by: str
    """What it was told by."""
    domain: str | None
    """E.g. `finance`; None where nothing says so."""
    domain_by: str
    """What it was told by."""

    @property
    def explained(self) -> str:
        """All of it as one line."""
        return (
            f"framework {self.framework or 'unknown'}: {self.framework_by}; "
            f"domain {self.domain or 'unknown'}: {self.domain_by}"
        )


def detect_agent(agent: object, domain: str = "auto") -> Detection:
    """What `agent` is, told by its class, what its code uses, its name, texts and tools; nothing of it is called.

    A `domain` other than `auto` is taken as it is.
    """
    try:
        framework = _framework(agent)
    except Exception:  # noqa: BLE001 - attributes of an object of the program's own may do anything
        framework = (None, "it can't be looked at")
    if domain != "auto":
        return Detection(*framework, domain, "given")
    try:
        found = _domain(agent)
    except Exception:  # noqa: BLE001 - as above
        found = (None, "it can't be looked at")
    return Detection(*framework, *found)


def _framework(agent: object) -> tuple[str | None, str]:
    for kind in type(agent).__mro__:
        name = _FRAMEWORKS.get(kind.__module__.partition(".")[0])
        if name is not None:
            return name, f"its class is {kind.__module__}.{kind.__qualname__}"
    for used, module in _used(agent):
        name = _FRAMEWORKS.get(module.partition(".")[0])
        if name is not None:
            return name, f"its code uses {used} of {module}"
    return None, "neither its class nor what its code uses is of a framework that Arc knows"


def _used(agent: object) -> Iterator[tuple[str, str]]:
    """What the code of a function, method or callable object refers to, and the module that is of."""
    work: Any = agent
    while isinstance(work, partial):
        work = work.func
    work = getattr(work, "__func__", work)
    if not hasattr(work, "__code__"):
        work = getattr(getattr(type(agent), "__call__", None), "__func__", getattr(type(agent), "__call__", None))  # noqa: B004
    code = getattr(work, "__code__", None)
    if code is None:
        return
    held = getattr(work, "__globals__", {})
    for name in code.co_names:
        if name in held:
            yield name, _module_of(held[name])
        elif name.partition(".")[0] in _FRAMEWORKS and name in sys.modules:
            yield name, name  # imported inside of the function
    for name, cell in zip(code.co_freevars, getattr(work, "__closure__", None) or (), strict=False):
        try:
            yield name, _module_of(cell.cell_contents)
        except ValueError:  # an empty one
            continue


def _module_of(value: object) -> str:
    if isinstance(value, ModuleType):
        return value.__name__
    kind = value if isinstance(value, type) else type(value)
    own = getattr(value, "__module__", None)
    module = own if isinstance(own, str) and callable(value) else kind.__module__
    return module or ""


def _domain(agent: object) -> tuple[str | None, str]:
    hits: dict[str, dict[str, str]] = {}
    for where, text in _texts(agent):
        for word in _WORD.findall(text[:_LONGEST]):
            for domain, words in _DOMAINS.items():
                if word.lower() in words:
                    hits.setdefault(domain, {}).setdefault(word.lower(), where)
    if not hits:
        return None, "no word of its name, texts and tools is one of a domain that Arc knows"
    best = max(hits, key=lambda domain: len(hits[domain]))  # of those as good, the one that was found first
    return best, ", ".join(f"{word!r} in its {where}" for word, where in list(hits[best].items())[:5])


def _texts(agent: object) -> Iterator[tuple[str, str]]:
    """What says in words what the agent is about, by what it is."""
    for name in ("name", "__name__", "role", "goal", "description", "instructions", "system_prompt", "backstory"):
        if isinstance(text := getattr(agent, name, None), str):
            yield name.strip("_"), text
    kind = type(agent)
    if kind.__module__ != "builtins":
        yield "class", kind.__qualname__
    own = getattr(agent, "__doc__", None)
    if isinstance(own, str) and (own != kind.__doc__ or not _FRAMEWORKS.get(kind.__module__.partition(".")[0])):
        yield "docstring", own
    tools = getattr(agent, "tools", None)
    if isinstance(tools, dict):
        tools = list(tools.values())
    for tool in list(tools)[:_MOST_TOOLS] if isinstance(tools, list | tuple) else ():
        yield "tools", f"{getattr(tool, 'name', None) or getattr(tool, '__name__', '')}"
    nodes = getattr(agent, "nodes", None)
    if isinstance(nodes, dict):
        yield "nodes", " ".join(map(str, list(nodes)[:_MOST_TOOLS]))
