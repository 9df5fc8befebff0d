"""The packages for supervisors and swarms: control that passes between agents is a hand-off."""

import pytest
from arc_instrumentation_langgraph import LangGraphInstrumentor
from arc_runtime.instrumentation import Runtime
from arc_runtime.settings import Settings
from arc_semconv import attributes as semconv
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage

pytest.importorskip("langgraph_supervisor", reason="not of the oldest versions")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


class ScriptedModel(GenericFakeChatModel):
    """Answers as it is told to, tools or not."""

    def bind_tools(self, _tools, **_options):
        return self


def says(*answers):
    return ScriptedModel(messages=iter(answers))


def calls(tool):
    return AIMessage("", tool_calls=[{"name": tool, "args": {}, "id": f"call_{tool}"}])


@pytest.fixture
def plugin(spans):
    plugin = LangGraphInstrumentor()
    plugin.instrument(skip_dep_check=True, tracer_provider=spans.tracer_provider, runtime=Runtime.of(Settings()))
    yield plugin
    plugin.uninstrument()
    assert plugin.guard.failures == {}


def hand_offs(spans):
    links = [link.attributes for span in spans.spans for link in span.links]
    return [(one[semconv.HANDOFF_FROM], one[semconv.HANDOFF_TO]) for one in links]


def test_a_swarm_hands_off_between_its_agents(spans, plugin):
    from langgraph.prebuilt import create_react_agent
    from langgraph_swarm import create_handoff_tool, create_swarm

    to_bob = create_handoff_tool(agent_name="bob")
    alice = create_react_agent(says(calls(to_bob.name)), [to_bob], name="alice")
    bob = create_react_agent(says(AIMessage("done")), [], name="bob")
    swarm = create_swarm([alice, bob], default_active_agent="alice").compile(name="swarm")
    swarm.invoke({"messages": [("user", "hi")]})
    assert spans.tree == (
        "agent.job swarm(agent.run alice(agent.run agent agent.run tools(agent.tool transfer_to_bob)) "
        "agent.run bob(agent.run agent))"
    )
    assert ("alice", "bob") in hand_offs(spans)


def test_a_supervisor_hands_off_to_its_agent_and_gets_control_back(spans, plugin):
    from langgraph.prebuilt import create_react_agent
    from langgraph_supervisor import create_supervisor

    worker = create_react_agent(says(AIMessage("done")), [], name="worker")
    model = says(calls("transfer_to_worker"), AIMessage("all done"))
    graph = create_supervisor([worker], model=model).compile(name="team")
    graph.invoke({"messages": [("user", "hi")]})
    found = hand_offs(spans)
    assert ("supervisor", "worker") in found
    assert ("worker", "supervisor") in found
    assert spans.tree.startswith("agent.job team(agent.run supervisor(")
