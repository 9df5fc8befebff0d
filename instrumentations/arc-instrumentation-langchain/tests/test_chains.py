"""Trees of spans that real chains, agents, tools, retrievers and models of LangChain give."""

import asyncio
import gc
import json
from importlib.metadata import version

import langchain_core.globals
import pytest
from arc_core.demo import ReplayServer
from arc_instrumentation_langchain import LangChainInstrumentor
from arc_instrumentation_langgraph import LangGraphInstrumentor
from arc_instrumentation_openai import OpenAIInstrumentor
from arc_langchain_callbacks import _share
from arc_runtime.instrumentation import Runtime
from arc_runtime.settings import Settings
from arc_semconv import attributes as semconv
from langchain_core.caches import InMemoryCache
from langchain_core.documents import Document
from langchain_core.language_models.fake import FakeListLLM
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda, RunnableParallel
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

NEWEST = version("langchain").startswith("1")
ANSWER = {
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m-2026",
    "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "ok, joe@example.com"}}],
}  # fmt: skip
CHUNKS = [
    {
        "data": {
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m-2026",
            "choices": [{"index": 0, "delta": {"role": "assistant", "content": said}, "finish_reason": reason}],
        }
    }
    for said, reason in (("o", None), ("k", None), ("", "stop"))
] + [{"data": "[DONE]"}]  # fmt: skip
EXCHANGES = [
    {"response_sse": CHUNKS},
    {"status": 400, "response": {"error": {"message": "no", "code": "bad"}}},
    {"response": ANSWER},
]


def fits(exchange, received):
    """Whether the exchange is the one for what was asked: streamed or not, refused or not."""
    streamed, refused = bool(received.body.get("stream")), received.body["model"] == "refused"
    return (bool(exchange.response_sse), exchange.status == 400) == (streamed, refused)


@pytest.fixture(scope="module")
def url():
    with ReplayServer(EXCHANGES, match=fits) as server:
        yield server.url


@pytest.fixture(scope="module", autouse=True)
def loop():
    """One event loop for all: langchain-openai keeps its connections for the next model."""
    with asyncio.Runner() as runner:
        global run_later  # noqa: PLW0603 - the table of calls is made before
        run_later = runner.run
        yield


run_later = asyncio.run


def instrumented(spans, *plugins, **settings):
    runtime = Runtime.of(Settings(**settings))
    for one in plugins:
        one.instrument(skip_dep_check=True, tracer_provider=spans.tracer_provider, runtime=runtime)
    return plugins


@pytest.fixture
def switched_on(spans):
    """Switches plugins on, and off again at the end."""
    on = []

    def switch(*plugins, **settings):
        on.extend(instrumented(spans, *plugins, **settings))

    yield switch
    gc.collect()
    handler = _share._SHARES._handler
    assert handler.tree.under_way == []
    assert handler._models.under_way == []
    for one in on:
        one.uninstrument()
        assert one.guard.failures == {}


@pytest.fixture(params=["wire", "callbacks"])
def told_by(request, switched_on):
    """Who tells of calls of the OpenAI client: its plugin, or, where that is off, the callbacks."""
    switched_on(LangChainInstrumentor(), LangGraphInstrumentor())
    if request.param == "wire":
        switched_on(OpenAIInstrumentor())
    return request.param


def model(url, name="m"):
    return ChatOpenAI(model=name, base_url=url, api_key="k", max_retries=0, temperature=0.5)


def chain(url):
    return ChatPromptTemplate.from_messages([("user", "hi {who}")]) | model(url) | StrOutputParser()


def asked_in_node(url):
    from langgraph.graph import START, StateGraph

    graph = StateGraph(dict)
    graph.add_node("a", lambda _: {"said": model(url).invoke("hi")})
    graph.add_edge(START, "a")
    return graph.compile(name="g")


WHO = {"who": "you"}


async def read(stream):
    async for _ in stream:
        pass


CALLS = {
    "model": (lambda url: model(url).invoke("hi"), "chat m"),
    "model, streamed": (lambda url: list(model(url).stream("hi")), "chat m"),
    "model, async": (lambda url: run_later(model(url).ainvoke("hi")), "chat m"),
    "models in a batch": (lambda url: model(url).batch(["a", "b"]), "chat m chat m"),
    "several questions": (lambda url: model(url).generate([[HumanMessage("a")], [HumanMessage("b")]]), "chat m chat m"),
    "chain": (lambda url: chain(url).invoke(WHO), "agent.job(chat m)"),
    "chain, streamed": (lambda url: list(chain(url).stream(WHO)), "agent.job(chat m)"),
    "chain, async": (lambda url: run_later(chain(url).ainvoke(WHO)), "agent.job(chat m)"),
    "chain, astream": (lambda url: run_later(read(chain(url).astream(WHO))), "agent.job(chat m)"),
    "chain, astream_events": (
        lambda url: run_later(read(chain(url).astream_events(WHO, version="v2"))),
        "agent.job(chat m)",
    ),
    "chains in a batch": (lambda url: chain(url).batch([WHO, WHO]), "agent.job(chat m) agent.job(chat m)"),
    "chain with a name": (
        lambda url: chain(url).with_config(run_name="review").invoke(WHO),
        "agent.job review(chat m)",
    ),
    "chains in parallel": (
        lambda url: RunnableParallel(one=chain(url), two=chain(url)).invoke(WHO),
        "agent.job(chat m chat m)",
    ),
    "chain in a lambda": (lambda url: RunnableLambda(chain(url).invoke).invoke(WHO), "agent.job(chat m)"),
    "with_retry": (lambda url: model(url).with_retry().invoke("hi"), "chat m"),
    "graph": (lambda url: asked_in_node(url).invoke({}), "agent.job g(agent.run a(chat m))"),
    "graph in a chain": (
        lambda url: (asked_in_node(url) | RunnableLambda(lambda _: "hi") | model(url)).invoke({}),
        "agent.job(agent.run g(agent.run a(chat m)) chat m)",
    ),
}


@pytest.mark.parametrize("call", CALLS)
def test_one_model_call_is_told_once_whoever_tells_it(spans, told_by, url, call):
    run, tree = CALLS[call]
    run(url)
    assert spans.tree == tree


def test_who_tells_of_a_model_call_is_its_scope(spans, told_by, url):
    chain(url).invoke(WHO)
    scopes = {span.name: span.instrumentation_scope.name for span in spans.spans}
    telling = "openai" if told_by == "wire" else "langchain"
    assert scopes == {"agent.job": "arc-instrumentation-langchain", "chat m": f"arc-instrumentation-{telling}"}


def test_a_call_that_fails_is_told_once_too(spans, told_by, url):
    with pytest.raises(Exception, match="no") as raised:
        model(url, "refused").invoke("hi")
    (span,) = spans.spans
    assert span.name == "chat refused"
    assert span.attributes["error.type"] == span.events[0].attributes["exception.type"].rpartition(".")[2]
    assert span.attributes["error.type"] in {kind.__name__ for kind in type(raised.value).__mro__}


def test_a_stream_that_is_left_is_cancelled(spans, told_by, url):
    stream = model(url).stream("hi")
    next(stream)
    stream.close()
    gc.collect()
    assert [span.name for span in spans.spans] == ["chat m"]
    assert spans.only.attributes[semconv.RUN_STATE] == "cancelled"


def test_the_attributes_of_a_model_call_told_by_callbacks(spans, switched_on, url):
    switched_on(LangChainInstrumentor())
    model(url).invoke("hi")
    told = dict(spans.only.attributes)
    assert told.pop("server.port") == int(url.rpartition(":")[2].partition("/")[0])
    assert told == {
        "arc.span.kind": "llm",
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "m",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.response.model": "m-2026",
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 3,
        "gen_ai.usage.output_tokens": 4,
        "gen_ai.usage.cache_read.input_tokens": 0,
        "gen_ai.usage.reasoning.output_tokens": 0,
        "server.address": "127.0.0.1",
    } or told == {name: value for name, value in told.items() if "cache_read" not in name and "reasoning" not in name}
    assert told[semconv.USAGE_OUTPUT_TOKENS] == 4


def test_a_streamed_answer_has_the_time_to_its_first_chunk(spans, switched_on, url):
    switched_on(LangChainInstrumentor())
    list(model(url).stream("hi"))
    assert spans.only.attributes[semconv.REQUEST_STREAM] is True
    assert spans.only.attributes[semconv.RESPONSE_TIME_TO_FIRST_CHUNK] > 0


def test_content_of_a_model_call_is_recorded_where_it_is_asked_for(spans, switched_on, url):
    switched_on(LangChainInstrumentor(), capture="SPAN_ONLY")
    model(url).invoke([("system", "be kind"), ("user", "mail jane@example.com")])
    told = spans.only.attributes
    assert json.loads(told[semconv.INPUT_MESSAGES]) == [
        {"role": "user", "parts": [{"type": "text", "content": "mail <EMAIL>"}]}
    ]
    assert json.loads(told[semconv.OUTPUT_MESSAGES]) == [
        {"role": "assistant", "parts": [{"type": "text", "content": "ok, <EMAIL>"}]}
    ]
    assert "be kind" in told[semconv.SYSTEM_INSTRUCTIONS]


def test_content_is_left_out_by_default(spans, told_by, url):
    chain(url).invoke({"who": "jane@example.com"})
    assert not any("messages" in name for span in spans.spans for name in span.attributes)


def test_tool_calls_are_parts_of_messages(spans, switched_on):
    switched_on(LangChainInstrumentor(), capture="SPAN_ONLY")
    call = {"name": "add", "args": {"x": 1}, "id": "c1"}
    GenericFakeChatModel(messages=iter([AIMessage("", tool_calls=[call])])).invoke("add")
    (said,) = json.loads(spans.only.attributes[semconv.OUTPUT_MESSAGES])
    assert said["parts"] == [{"type": "tool_call", "id": "c1", "name": "add", "arguments": {"x": 1}}]


def test_what_comes_from_the_cache_is_no_model_call(spans, told_by, url):
    langchain_core.globals.set_llm_cache(InMemoryCache())
    try:
        model(url).invoke("once")
        model(url).invoke("once")
    finally:
        langchain_core.globals.set_llm_cache(None)
    assert spans.tree == "chat m"


def test_a_model_that_completes_text_is_one_too(spans, switched_on):
    switched_on(LangChainInstrumentor())
    FakeListLLM(responses=["a"]).invoke("hi")
    assert spans.only.attributes[semconv.OPERATION] == "text_completion"


@tool
def add(x: int) -> int:
    """Add one."""
    return x + 1


class Retriever(BaseRetriever):
    """Finds one document."""

    def _get_relevant_documents(self, query, *, run_manager):  # noqa: ARG002 - the base's
        return [Document("about jane@example.com", id="1", metadata={"page": 3})]


def test_tools_and_retrievers_are_tools_of_their_chain(spans, told_by, url):
    (Retriever() | RunnableLambda(lambda found: {"x": len(found)}) | add).invoke("who")
    assert spans.tree == "agent.job(agent.tool Retriever agent.tool add)"


def test_tools_and_retrievers_stand_alone_where_nothing_is_around_them(spans, told_by):
    add.invoke({"x": 1})
    Retriever().invoke("who")
    assert spans.tree == "agent.tool add agent.tool Retriever"


def test_the_attributes_of_a_retriever(spans, switched_on):
    switched_on(LangChainInstrumentor(), capture="SPAN_ONLY")
    Retriever().invoke("who is joe@example.com")
    told = {name: value for name, value in spans.only.attributes.items() if not name.startswith("arc.redaction")}
    assert told == {
        "arc.span.kind": "tool",
        "gen_ai.operation.name": "retrieval",
        "gen_ai.tool.name": "Retriever",
        "gen_ai.tool.type": "datastore",
        "gen_ai.retrieval.query.text": "who is <EMAIL>",
        "gen_ai.retrieval.documents": '[{"id":"1","content":"about <EMAIL>","metadata":{"page":3}}]',
    }


class ScriptedModel(GenericFakeChatModel):
    """Answers as it is told to, tools or not."""

    def bind_tools(self, _tools, **_options):
        return self


def scripted():
    calls = AIMessage("", tool_calls=[{"name": "add", "args": {"x": 1}, "id": "c"}])
    return ScriptedModel(messages=iter([calls, AIMessage("2")]))


def test_the_classic_agent_is_a_job_with_its_models_and_tools(spans, told_by):
    if NEWEST:
        from langchain_classic.agents import AgentExecutor, create_tool_calling_agent
    else:
        from langchain.agents import AgentExecutor, create_tool_calling_agent

    prompt = ChatPromptTemplate.from_messages([("user", "{input}"), ("placeholder", "{agent_scratchpad}")])

    def executor():
        agent = create_tool_calling_agent(scripted(), [add], prompt)
        return AgentExecutor(agent=agent, tools=[add], stream_runnable=False)

    assert executor().invoke({"input": "add"})["output"] == "2"
    assert spans.tree == "agent.job(chat agent.tool add chat)"
    spans.clear()
    (RunnableLambda(lambda _: {"input": "add"}) | executor()).invoke({})
    assert spans.tree == "agent.job(agent.run(chat agent.tool add chat))"


@pytest.mark.skipif(not NEWEST, reason=f"langchain {version('langchain')} has no create_agent")
@pytest.mark.parametrize("plugins", ["both", "langchain alone"])
def test_create_agent_is_a_job_with_its_turns(spans, switched_on, plugins):
    from langchain.agents import create_agent

    switched_on(LangChainInstrumentor(), *([LangGraphInstrumentor()] if plugins == "both" else []))
    create_agent(scripted(), [add], name="adder").invoke({"messages": [("user", "add")]})
    assert spans.tree == "agent.job adder(agent.run model(chat) agent.run tools(agent.tool add) agent.run model(chat))"


@pytest.mark.skipif(not NEWEST, reason=f"langchain {version('langchain')} has no middleware")
def test_the_approval_of_a_tool_call_is_an_action_and_the_decision_its_outcome(spans, switched_on):
    from langchain.agents import create_agent
    from langchain.agents.middleware import HumanInTheLoopMiddleware
    from langgraph.checkpoint.memory import InMemorySaver
    from langgraph.types import Command

    switched_on(LangChainInstrumentor(), LangGraphInstrumentor())
    ask = HumanInTheLoopMiddleware(interrupt_on={"add": True})
    agent = create_agent(scripted(), [add], name="adder", middleware=[ask], checkpointer=InMemorySaver())
    thread = {"configurable": {"thread_id": "t"}}
    agent.invoke({"messages": [("user", "add")]}, thread)
    assert "agent.action approval:interrupted" in spans.tree
    agent.invoke(Command(resume={"decisions": [{"type": "approve"}]}), thread)
    (resumed,) = [span for span in spans.spans if span.name == "agent.job adder" and span.links]
    assert resumed.attributes[semconv.ACTION_TYPE] == "approval"
    assert resumed.attributes[semconv.ACTION_OUTCOME] == "approved"
    assert "agent.tool add" in spans.tree


def test_a_model_call_in_the_program_s_own_span_is_below_it(spans, told_by, url):
    with spans.tracer_provider.get_tracer("program").start_as_current_span("request"):
        chain(url).invoke(WHO)
        model(url).invoke("hi")
    assert spans.tree == "request(agent.job(chat m) chat m)"


def test_switched_off_nothing_is_told(spans, switched_on, url):
    plugin = LangChainInstrumentor()
    switched_on(plugin)
    plugin.uninstrument()
    chain(url).invoke(WHO)
    add.invoke({"x": 1})
    assert spans.spans == ()


def test_a_fault_inside_never_reaches_the_program(spans, url, monkeypatch):
    from arc_langchain_callbacks import _mapping, _messages

    def fail(*_args):
        raise RuntimeError("a fault in Arc")

    (plugin,) = instrumented(spans, LangChainInstrumentor())
    for module, name in ((_messages, "request_attributes"), (_mapping, "is_step"), (_mapping, "tool_attributes")):
        monkeypatch.setattr(module, name, fail)
    assert chain(url).invoke(WHO) == "ok, joe@example.com"
    assert add.invoke({"x": 1}) == 2
    assert plugin.guard.failures.total() > 0
    plugin.uninstrument()
