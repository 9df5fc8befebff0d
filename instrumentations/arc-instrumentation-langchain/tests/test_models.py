"""Model calls that LangChain's callbacks alone tell: their place, what else asks inside them, events, pipelines."""

import asyncio
import json

import openai
import pytest
from arc_core.demo import ReplayServer
from arc_instrumentation_langchain import LangChainInstrumentor
from arc_instrumentation_openai import OpenAIInstrumentor
from arc_langchain_callbacks import _share
from arc_runtime import create_multiagent_context
from arc_runtime.instrumentation import Providers, Runtime
from arc_runtime.settings import Settings
from arc_semconv import attributes as semconv
from arc_testing import eventually
from langchain_core.documents import Document
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.language_models.fake_chat_models import FakeMessagesListChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda
from langchain_openai import ChatOpenAI
from opentelemetry.instrumentation.utils import suppress_instrumentation

ANSWER = {
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m-2026",
    "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "ok"}}],
}  # fmt: skip
EMBEDDING = {
    "object": "list", "model": "e", "usage": {"prompt_tokens": 1, "total_tokens": 1},
    "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
}  # fmt: skip
REFUSAL = {"error": {"message": "no", "code": "bad"}}
EXCHANGES = [{"response": EMBEDDING}, {"status": 400, "response": REFUSAL}, {"response": ANSWER}]


def fits(exchange, received):
    """Whether the exchange is the one for what was asked: an embedding, a model that refuses, or another."""
    embeds, refused = received.path.endswith("embeddings"), received.body["model"] == "refused"
    return (exchange.response == EMBEDDING, exchange.status == 400) == (embeds, refused)


@pytest.fixture(scope="module")
def url():
    with ReplayServer(EXCHANGES, match=fits) as server:
        yield server.url


@pytest.fixture
def switched_on(spans):
    """Switches plugins on, and off again at the end."""
    on = []

    def switch(*plugins, **settings):
        runtime = Runtime.of(Settings(**settings))
        for one in plugins:
            one.instrument(
                skip_dep_check=True,
                tracer_provider=spans.tracer_provider,
                logger_provider=spans.logger_provider,
                runtime=runtime,
            )
            on.append(one)

    yield switch
    handler = _share._SHARES._handler
    assert handler.tree.under_way == []
    assert handler._models.under_way == []
    for one in on:
        one.uninstrument()
        assert one.guard.failures == {}


def model(url, name="m"):
    return ChatOpenAI(model=name, base_url=url, api_key="k", max_retries=0)


def says(*answers):
    return GenericFakeChatModel(messages=iter(answers))


def embed(url):
    with openai.OpenAI(base_url=url, api_key="k") as client:
        client.embeddings.create(model="e", input=["x"])


class Retriever(BaseRetriever):
    """Looks for what is near."""

    url: str

    def _get_relevant_documents(self, query, *, run_manager):  # noqa: ARG002 - the base's
        embed(self.url)
        return [Document("found")]


class Model(BaseChatModel):
    """Answers as a function of the program's does."""

    answer: object

    @property
    def _llm_type(self):
        return "program"

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):  # noqa: ARG002 - the base's
        return ChatResult(generations=[ChatGeneration(message=self.answer(messages))])


# --- places ---


def test_a_call_belongs_to_where_it_was_made_wherever_its_answer_is_read(spans, switched_on):
    switched_on(LangChainInstrumentor())
    tracer = spans.tracer_provider.get_tracer("program")
    with tracer.start_as_current_span("asks"):
        stream = says("hello there you").stream("hi")
        next(stream)
    with tracer.start_as_current_span("reads"):
        assert [chunk.content for chunk in stream if chunk.content] == [" ", "there", " ", "you"]
    assert spans.tree == "asks(chat) reads"


CALLS = {
    "alone": lambda retriever: retriever.invoke("who"),
    "async": lambda retriever: asyncio.run(retriever.ainvoke("who")),
}


@pytest.mark.parametrize("call", CALLS)
def test_what_a_retriever_asks_for_is_below_it(spans, switched_on, url, call):
    switched_on(LangChainInstrumentor(), OpenAIInstrumentor())
    CALLS[call](Retriever(url=url))
    assert spans.tree == "agent.tool Retriever(embeddings e)"


def test_what_follows_a_retriever_is_not_below_it(spans, switched_on, url):
    switched_on(LangChainInstrumentor(), OpenAIInstrumentor())
    (Retriever(url=url) | RunnableLambda(lambda _: "hi") | model(url)).invoke("who")
    assert spans.tree == "agent.job(agent.tool Retriever(embeddings e) chat m)"
    spans.clear()
    embed(url)
    assert spans.tree == "embeddings e"


def test_a_retriever_that_fails_leaves_no_place_behind(spans, switched_on, url):
    switched_on(LangChainInstrumentor(), OpenAIInstrumentor())
    with pytest.raises(openai.APIConnectionError):
        Retriever(url="http://127.0.0.1:1/v1").invoke("who")
    spans.clear()
    embed(url)
    assert spans.tree == "embeddings e"


# --- models in models ---


def test_what_a_model_looks_up_on_the_way_is_not_its_answer(spans, switched_on, url):
    switched_on(LangChainInstrumentor(), OpenAIInstrumentor())
    Model(answer=lambda _: embed(url) or AIMessage("ok")).invoke("hi")
    assert spans.tree == "chat embeddings e"


@pytest.mark.parametrize("told_by", ["wire", "callbacks"])
def test_a_model_that_hands_on_to_another_is_not_told_beside_it(spans, switched_on, url, told_by):
    switched_on(LangChainInstrumentor(), *([OpenAIInstrumentor()] if told_by == "wire" else []))
    assert Model(answer=model(url).invoke).invoke("hi").content == "ok"
    assert spans.tree == "chat m"


def test_questions_that_are_asked_together_are_each_told_when_one_fails(spans, switched_on):
    def answer(messages):
        if messages[0].content == "b":
            raise ValueError("no")
        return AIMessage("ok")

    switched_on(LangChainInstrumentor())
    questions = [[HumanMessage(said)] for said in "abc"]
    with pytest.raises(ValueError, match="no"):
        asyncio.run(Model(answer=answer).agenerate(questions))
    assert spans.tree == "chat chat! chat"


def test_the_same_message_twice_is_two_answers(spans, switched_on):
    if not hasattr(BaseChatModel, "_convert_cached_generations"):
        pytest.skip("versions before 0.3.73 do not say what comes from the cache")
    switched_on(LangChainInstrumentor())
    fake = FakeMessagesListChatModel(responses=[AIMessage("same")])
    assert fake.invoke("hi").content == fake.invoke("hi").content
    assert spans.tree == "chat chat"


# --- suppression ---


def test_what_is_suppressed_is_not_told(spans, switched_on, url):
    switched_on(LangChainInstrumentor(), OpenAIInstrumentor())
    with suppress_instrumentation():
        says(AIMessage("ok")).invoke("hi")
        (Retriever(url=url) | RunnableLambda(lambda _: "hi") | model(url)).invoke("who")
    assert spans.spans == ()


# --- events ---


@pytest.mark.parametrize("capture", ["EVENT_ONLY", "SPAN_AND_EVENT"])
def test_content_is_an_event_where_it_is_asked_for_as_one(spans, switched_on, url, capture):
    switched_on(LangChainInstrumentor(), capture=capture)
    model(url).invoke("mail jane@example.com")
    (event,) = spans.logs
    assert event.event_name == semconv.EVENT_INFERENCE_DETAILS
    assert event.span_id == spans.only.context.span_id
    assert json.loads(event.attributes[semconv.INPUT_MESSAGES]) == [
        {"role": "user", "parts": [{"type": "text", "content": "mail <EMAIL>"}]}
    ]
    assert event.attributes[semconv.USAGE_OUTPUT_TOKENS] == 4
    assert (semconv.INPUT_MESSAGES in spans.only.attributes) is (capture == "SPAN_AND_EVENT")
    assert spans.only.attributes[semconv.USAGE_OUTPUT_TOKENS] == 4


def test_the_event_of_a_call_that_failed_says_so(spans, switched_on, url):
    switched_on(LangChainInstrumentor(), capture="EVENT_ONLY")
    with pytest.raises(openai.BadRequestError):
        model(url, "refused").invoke("hi")
    (event,) = spans.logs
    assert event.attributes["error.type"] == spans.only.attributes["error.type"]


# --- pipelines ---


def test_a_pipeline_counts_calls_whoever_tells_of_them(spans, switched_on, url):
    from langgraph.graph import START, StateGraph

    graph = StateGraph(dict)
    graph.add_node("writer", lambda _: {"said": model(url).invoke("hi")})
    graph.add_edge(START, "writer")
    summaries = []
    for plugins in ([], [OpenAIInstrumentor()]):
        switched_on(LangChainInstrumentor(), *plugins)
        with create_multiagent_context(name="loan", providers=Providers(spans.tracer_provider)) as pipeline:
            model(url).invoke("hi")
            graph.compile(name="g").invoke({})
            with pytest.raises(openai.BadRequestError):
                model(url, "refused").invoke("hi")
        summaries.append(pipeline.get_pipeline_summary())
    for told in summaries:
        assert (told["calls"], told["errors"], told["input_tokens"], told["output_tokens"]) == (3, 1, 6, 8)
        assert told["models"] == ["m", "refused"]
        assert {agent["name"]: agent["calls"] for agent in told["agents"]} == {"g": 0, "writer": 1}
        assert told["total_latency_ms"] > 0


def test_what_a_pipeline_is_told_of_a_call_has_its_price(spans, switched_on):
    priced = AIMessage("ok", usage_metadata={"input_tokens": 1_000, "output_tokens": 1_000, "total_tokens": 2_000})
    priced.response_metadata = {"model_name": "gpt-4.1", "model_provider": "openai"}

    class Hosted(Model):
        """A model of OpenAI's by another client."""

        def _get_ls_params(self, stop=None, **kwargs):
            return {**super()._get_ls_params(stop, **kwargs), "ls_provider": "openai", "ls_model_name": "gpt-4.1"}

    switched_on(LangChainInstrumentor())
    with create_multiagent_context(providers=Providers(spans.tracer_provider)) as pipeline:
        Hosted(answer=lambda _: priced).invoke("hi")
    # A summary waits for the price list, but not for ever.
    told = eventually(lambda: summary if (summary := pipeline.get_pipeline_summary())["cost_usd"] else None)
    assert told["cost_usd"] == pytest.approx(0.01)
    assert told["unpriced_calls"] == 0


def test_what_comes_from_a_suppressed_call_is_not_counted(spans, switched_on):
    switched_on(LangChainInstrumentor())
    with create_multiagent_context(providers=Providers(spans.tracer_provider)) as pipeline, suppress_instrumentation():
        says(AIMessage("ok")).invoke("hi")
    assert pipeline.get_pipeline_summary()["calls"] == 0
