"""The same with an Arc Core that is elsewhere; where, and with which key, stands in the code.

OPENAI_API_KEY=... MY_ARC_KEY=... python with_arc_core.py grpc://127.0.0.1:4317
"""

import os
import sys

import openai
from arc_runtime import Arc, flush

arc = Arc(
    endpoint=sys.argv[1],  # grpc://, grpcs://, http:// or https://
    api_key=os.environ.get("MY_ARC_KEY"),  # sent to that endpoint and nowhere else
    log_level="WARNING",
)

client = openai.OpenAI()
response = client.chat.completions.create(model="gpt-4.1", messages=[{"role": "user", "content": "Hello"}])
print(response.choices[0].message.content)
print("delivered" if flush() else "not delivered yet")
