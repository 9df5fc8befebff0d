"""A program that leaves a stream at its first chunk and holds it to the end."""

import openai

stream = openai.OpenAI(max_retries=0).chat.completions.create(
    model="gpt-4.1", messages=[{"role": "user", "content": "hello"}], stream=True
)
next(stream)
