"""A web application of a user's that asks a model once for each request."""

import openai

client = openai.OpenAI(max_retries=0)


def wsgi(environ, start_response):
    if environ["PATH_INFO"] == "/ask":
        client.chat.completions.create(model="gpt-4.1", messages=[{"role": "user", "content": "hello"}])
    start_response("200 OK", [("content-type", "text/plain")])
    return [b"up"]
