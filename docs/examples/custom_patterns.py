"""A pattern of your own: recognised in every request, and mended before it leaves.

OPENAI_API_KEY=... python custom_patterns.py
"""

import openai
from arc_runtime import Arc
from arc_runtime.errors import PatternError

arc = Arc()

pattern_id = arc.register_pattern(
    pattern={"model": "gpt-4.1", "max_tokens": {"<": 16}},
    fix={"max_tokens": 64},
)
print([one["id"] for one in arc.get_registered_patterns() if one["origin"] == "user"] == [pattern_id])

client = openai.OpenAI()
client.chat.completions.create(
    model="gpt-4.1",
    messages=[{"role": "user", "content": "Say hello."}],
    max_tokens=4,  # Arc sends 64
)

# A pattern that can't be meant is refused where it is registered
try:
    arc.register_pattern(pattern={"model": "gpt-4.1", "temperature": {"above": 0.9}}, fix={"temperature": 0.7})
except PatternError as error:
    print(error)

print(arc.unregister_pattern(pattern_id))
