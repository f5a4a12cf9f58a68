"""An imitation of OpenAI's chat completions and responses, and of Anthropic's messages. It answers by rules, as a test says."""
