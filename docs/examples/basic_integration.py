"""One call of the plain OpenAI client, protected by one line.

OPENAI_API_KEY=... python basic_integration.py
"""

import openai
from arc_runtime import Arc

# Starts Arc; before or after `import openai`, as often as you like
Arc()

# The client is used as ever
client = openai.OpenAI()
response = client.chat.completions.create(
    model="gpt-4.1",
    messages=[{"role": "user", "content": "Hello"}],
    temperature=0.95,  # Arc sends 0.7
)
print(response.choices[0].message.content)
