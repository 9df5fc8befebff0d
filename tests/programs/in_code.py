"""A program that starts Arc in its code, in the way that its first argument says; what it prints, the tests read."""

import json
import os
import sys
import threading


def ask(client, **options):
    given = {"model": "gpt-4.1", "temperature": 0.95, "messages": [{"role": "user", "content": os.environ["SECRETS"]}]}
    client.chat.completions.create(**given | options)


def before():
    import openai
    from arc_runtime import Arc

    client = openai.OpenAI()
    Arc(os.environ.get("GIVEN"))
    ask(client)


def after():
    from arc_runtime import Arc

    Arc(os.environ.get("GIVEN"))
    import openai

    ask(openai.OpenAI())


def often():
    """From many threads at once, again and again."""
    import openai
    from arc_runtime import Arc

    found, barrier = [], threading.Barrier(8)

    def start():
        barrier.wait()
        found.extend(Arc() for _ in range(5))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ask(openai.OpenAI())
    print(len({id(one) for one in found}), len(found))


def chosen():
    """One client, and those that it makes; no other."""
    import openai
    from arc_runtime import Arc, entrypoint

    arc = Arc(auto=False)
    protected, other = openai.OpenAI(), openai.OpenAI()
    assert arc.protect(protected) is protected
    ask(protected)
    ask(other)
    ask(protected.with_options(max_retries=1))
    entrypoint(ask)(other)
    arc.protect(object())


def again():
    """Off, on again, and off at the end of a block."""
    import openai
    from arc_runtime import Arc

    client = openai.OpenAI()
    delivered = Arc().shutdown()
    ask(client)
    with Arc() as arc:
        ask(client)
        key = arc.register_pattern({"model": "gpt-4.1", "temperature": {"<": 0.2}}, {"temperature": 0.5})
        ask(client, temperature=0.1)
        known = [one["id"] for one in arc.get_registered_patterns() if one["origin"] == "user"] == [key]
        removed = [arc.unregister_pattern({"model": "gpt-4.1", "temperature": {"<": 0.2}}), arc.unregister_pattern(key)]
        ask(client, temperature=0.1)
    ask(client)
    print(json.dumps([delivered, known, *removed]))


def blocks():
    """Blocks within each other, and an entrypoint after the last."""
    import openai
    from arc_runtime import Arc, entrypoint

    client = openai.OpenAI()
    with Arc():
        with Arc():
            ask(client)
        ask(client)
    entrypoint(ask)(client)
    Arc()
    ask(client)


def bad_later():
    """What can't be used, given to an Arc that has started."""
    import openai
    from arc_runtime import Arc

    class Unsayable:
        def __str__(self):
            raise RuntimeError("no text")

    Arc()
    Arc(endpoint="htp:/nowhere")
    Arc(api_key="a key", log_level="LOUD")
    Arc(endpoint=Unsayable())
    ask(openai.OpenAI())


def own_provider():
    """Beside a set-up of the program's own, which keeps what it had."""
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    own = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(own))
    trace.set_tracer_provider(provider)
    import openai
    from arc_runtime import Arc

    Arc(os.environ["GIVEN"])
    Arc()
    with trace.get_tracer("own").start_as_current_span("mine", attributes={"note": os.environ["SECRETS"]}):
        ask(openai.OpenAI())
    print(json.dumps([[span.name, dict(span.attributes)] for span in own.get_finished_spans()], default=list))


def off():
    """With Arc switched off all of it works."""
    import openai
    from arc_runtime import (
        Arc,
        DefaultExecutionTracker,
        create_multiagent_context,
        entrypoint,
        get_runtime_manager,
        trace_agent,
    )

    arc, manager = Arc("http://127.0.0.1:9"), get_runtime_manager()
    client = arc.protect(openai.OpenAI())
    manager.register_tracker(DefaultExecutionTracker())
    manager.verbosity = "live"
    manager.granularity = "llm"
    request = manager.start_request("x")
    entrypoint(ask)(client)
    trace_agent(ask)(client)
    with arc.create_multiagent_context("x"), create_multiagent_context("y"), manager.request("z"):
        ask(client)
    print(request, manager.end_request(), manager.trackers, arc.shutdown())


def forked():
    import openai
    from arc_runtime import Arc, entrypoint

    Arc()
    client = openai.OpenAI()

    @entrypoint
    def parent():
        child = os.fork()
        if child == 0:
            ask(client)
            return "child"
        os.waitpid(child, 0)
        return "parent"

    if parent() == "child":
        from arc_runtime import flush

        flush()
        os._exit(0)


globals()[sys.argv[1]]()
