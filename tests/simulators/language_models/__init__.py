"""An imitation of OpenAI's chat completions and Anthropic's messages. It answers by rules, as a test says."""
