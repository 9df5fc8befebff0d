"""One streamed chat completion with the plain OpenAI client; Arc is not imported.

OPENAI_API_KEY=... ARC_ENDPOINT=http://127.0.0.1:4318 opentelemetry-instrument python chat.py
"""

import openai

client = openai.OpenAI()
stream = client.chat.completions.create(
    model="gpt-4.1",
    temperature=0.95,  # Arc sends 0.7
    messages=[{"role": "user", "content": "Say hello to dana@example.com in one line."}],
    stream=True,
    stream_options={"include_usage": True},
)
for chunk in stream:
    for choice in chunk.choices:
        print(choice.delta.content or "", end="", flush=True)
print()
