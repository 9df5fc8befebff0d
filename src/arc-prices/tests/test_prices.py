"""What model calls cost, held against the library itself."""

import subprocess
import sys
from datetime import UTC, datetime

import pytest
from arc_prices import Cost, PriceList, charges

PRICES = PriceList()
CALL = {
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": "1000",
    "gen_ai.usage.output_tokens": "100",
}
NOW_NS = 1_795_000_000_000_000_000


@pytest.mark.parametrize(
    ("attributes", "cost"),
    [
        ({}, 0.0035),
        ({"gen_ai.usage.cache_read.input_tokens": "10"}, 0.0034875),
        ({"gen_ai.provider.name": "azure.ai.openai"}, 0.0035),
        ({"gen_ai.provider.name": "somebody"}, 0.0035),
        ({"gen_ai.provider.name": ""}, 0.0035),
        ({"gen_ai.response.model": "unheard-of"}, 0.0035),
        ({"gen_ai.request.model": "unheard-of"}, None),
        ({"gen_ai.request.model": ""}, None),
        ({"arc.cost.usd": "0"}, 0.0),
        ({"arc.cost.usd": "1.5"}, 1.5),
        ({"arc.cost.usd": "NaN"}, 0.0035),
        ({"arc.cost.usd": "-1"}, 0.0035),
        ({"gen_ai.usage.cache_read.input_tokens": "1001"}, None),
        ({"gen_ai.usage.input_tokens": "many"}, None),
        ({"gen_ai.usage.input_tokens": "abc", "gen_ai.usage.output_tokens": "xyz"}, None),
        ({"gen_ai.usage.input_tokens": "-5", "gen_ai.usage.output_tokens": "-5"}, None),
        ({"gen_ai.usage.input_tokens": "nan"}, None),
        ({"gen_ai.usage.output_tokens": "nan"}, None),
        ({"gen_ai.usage.cache_read.input_tokens": "some"}, None),
        ({"gen_ai.usage.output_tokens": ""}, 0.0025),
        # No rate is not a rate of 0, unless the list calls the model free.
        ({"gen_ai.provider.name": "github-copilot", "gen_ai.request.model": "gpt-4.1"}, None),
        ({"gen_ai.provider.name": "cerebras", "gen_ai.request.model": "qwen-3-coder-480b"}, None),
        ({"gen_ai.request.model": "whisper-1"}, None),
        ({"gen_ai.request.model": "text-embedding-3-small"}, None),
        ({"gen_ai.request.model": "text-embedding-3-small", "gen_ai.usage.output_tokens": "0"}, 0.00002),
        ({"gen_ai.provider.name": "openrouter", "gen_ai.request.model": "deepseek/deepseek-r1:free"}, 0.0),
        # A provider that the list knows has its own prices, and a machine of one's own has none.
        ({"gen_ai.provider.name": "anthropic"}, None),
        ({"gen_ai.provider.name": "ollama", "gen_ai.request.model": "deepseek-r1"}, None),
    ],
)
def test_a_call_costs_what_the_list_says(attributes, cost):
    assert PRICES.usd(CALL | attributes, NOW_NS) == cost


def test_a_call_without_usage_has_no_price():
    assert PRICES.usd({"gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o"}, NOW_NS) is None


def test_a_price_that_grows_with_the_request_is_the_library_s():
    from genai_prices import Usage, calc_price

    for tokens in (1000, 300_000):
        call = {"gen_ai.request.model": "gemini-2.5-pro", "gen_ai.usage.input_tokens": str(tokens)}
        expected = calc_price(Usage(input_tokens=tokens), "gemini-2.5-pro").total_price
        assert PRICES.usd(call, NOW_NS) == pytest.approx(float(expected))


@pytest.mark.parametrize(
    ("attributes", "usage", "tier"),
    [
        ({}, {}, None),
        ({"openai.response.service_tier": "flex"}, {}, "flex"),
        ({"openai.response.service_tier": "priority"}, {}, "priority"),
        ({"openai.response.service_tier": "default"}, {}, "default"),
        ({"openai.response.service_tier": "unheard-of"}, {}, None),
        ({"gen_ai.usage.cache_read.input_tokens": 600}, {"cache_read_tokens": 600}, None),
        ({"gen_ai.usage.reasoning.output_tokens": 64}, {}, None),
        (
            {"gen_ai.request.model": "gpt-audio", "gen_ai.usage.audio.input_tokens": 90},
            {"input_audio_tokens": 90},
            None,
        ),
        (
            {"gen_ai.request.model": "gpt-audio", "gen_ai.usage.audio.output_tokens": 70},
            {"output_audio_tokens": 70},
            None,
        ),
        (
            {"gen_ai.request.model": "gpt-image-1.5", "gen_ai.usage.image.output_tokens": 80},
            {"output_image_tokens": 80},
            None,
        ),
        ({"gen_ai.usage.image.input_tokens": 80}, {"input_image_tokens": 80}, None),
    ],
)
def test_every_sort_of_token_and_service_tier_costs_what_the_library_says(attributes, usage, tier):
    from genai_prices import Usage, calc_price

    call = {"gen_ai.request.model": "gpt-5", "gen_ai.provider.name": "openai"}
    call |= {"gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 100} | attributes
    expected = calc_price(
        Usage(input_tokens=1000, output_tokens=100, **usage),
        call["gen_ai.request.model"],
        provider_id="openai",
        genai_request_timestamp=datetime.fromtimestamp(NOW_NS / 1e9, UTC),
        price_context={"service_tier": tier} if tier else None,
    )
    assert PRICES.usd(call, NOW_NS) == pytest.approx(float(expected.total_price))


@pytest.mark.parametrize(
    "attributes",
    [
        # No rate for audio is not the rate of text.
        {"gen_ai.request.model": "gpt-4o-audio-preview", "gen_ai.usage.audio.input_tokens": 10},
        {"gen_ai.request.model": "gpt-4o-audio-preview", "gen_ai.usage.audio.output_tokens": 10},
        {"gen_ai.usage.audio.input_tokens": 1001},
        {"gen_ai.usage.audio.cache_read.input_tokens": 1},
    ],
)
def test_tokens_without_a_rate_or_that_do_not_add_up_have_no_price(attributes):
    assert PRICES.cost(CALL | attributes, NOW_NS) is None


def test_a_cost_says_by_which_list_and_up_to_when_its_prices_are_known():
    cost = PRICES.cost(CALL, NOW_NS)
    assert cost.usd == 0.0035
    assert cost.price_list.startswith("genai-prices ")
    assert datetime(2026, 1, 1) < datetime.fromisoformat(cost.price_date) <= datetime.now()  # noqa: DTZ001, DTZ005
    told = {"arc.cost.usd": "1.5", "arc.cost.price_list": "a list", "arc.cost.price_date": "2026-01-02"}
    assert PRICES.cost(CALL | told, NOW_NS) == Cost(1.5, "a list", "2026-01-02")


@pytest.mark.parametrize(
    ("provider", "host", "known"),
    [
        ("openai", "", True),
        ("openai", "api.openai.com", True),
        ("openai", "EU.api.openai.com.", True),
        ("openai", "x.openai.azure.com", True),
        ("openai", "llm.somebody.example", False),
        ("openai", "openai.com.somebody.net", False),
        ("azure.ai.openai", "models.somebody.net", True),
        ("groq", "api.groq.com", True),
        *[
            (provider, host, False)
            for provider in ("openai", "azure.ai.openai", "groq", "somebody")
            for host in (
                "localhost", "vllm", "127.0.0.1", "[::1]", "10.1.2.3", "192.168.0.7", "100.64.0.1", "fd00::1",
                "model.svc.cluster.local", "llm.corp", "/run/model.sock", "169.254.1.1",
            )
        ],
        ("ollama", "", False),
        ("ollama", "ollama.somebody.net", False),
        # Listed by the user.
        ("openai", "llm.example.com", True),
        ("openai", "eu.llm.example.com", True),
        ("openai", "10.0.0.5", True),
        ("openai", "110.0.0.5", False),
    ],
)  # fmt: skip
def test_a_price_is_known_where_the_provider_charges_for_the_host(provider, host, known):
    assert charges(provider, host, frozenset({"llm.example.com", "10.0.0.5"})) is known


def test_a_listed_gateway_serves_models_of_many_providers():
    call = CALL | {"gen_ai.request.model": "anthropic/claude-sonnet-4-5", "server.address": "llm.example.com"}
    assert PriceList(also={"llm.example.com"}).usd(call, NOW_NS) == pytest.approx(1000 * 3e-6 + 100 * 15e-6)
    assert PRICES.usd(call, NOW_NS) is None


def test_the_library_is_not_imported_before_it_is_needed_and_makes_no_network_call():
    program = """
import sys, arc_prices
prices = arc_prices.PriceList()
assert prices.usd({}, 0) is None
assert prices.usd({"gen_ai.usage.input_tokens": 1, "server.address": "127.0.0.1"}, 0) is None
assert "genai_prices" not in sys.modules and not prices.loaded
sys.addaudithook(lambda event, args: event.startswith("socket.") and sys.exit(f"{event} {args}"))
call = {"gen_ai.usage.input_tokens": 1000, "gen_ai.request.model": "gpt-4o", "gen_ai.provider.name": "openai"}
assert prices.usd(call, 0) == 0.0025, prices.usd(call, 0)
assert "genai_prices" in sys.modules and prices.loaded
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
