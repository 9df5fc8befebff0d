"""Three model calls of which most instrumentors see two: whole, streamed, and posted by hand."""

import openai

ASK = {"model": "gpt-4.1", "temperature": 0.95, "messages": [{"role": "user", "content": "hello"}]}

client = openai.OpenAI(max_retries=0)
client.chat.completions.create(**ASK)
list(client.chat.completions.create(**ASK, stream=True))
client.post("/chat/completions", body=ASK, cast_to=object)
