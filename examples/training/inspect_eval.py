"""Inspect: is the shipped model a better user of the payoff world than chance? (20 seconds)

pip install "populace[inspect]"; python examples/training/inspect_eval.py
With a model of your own: inspect eval populace/seat -T world=populace/payoff-v0 -T role=user --model openai/...
"""

import random
import sys
import tempfile

from inspect_ai import eval as evaluate
from inspect_ai.model import ModelOutput, ModelUsage, get_model

from populace.agents.llm.backends.base import Ask
from populace.agents.llm.backends.pocket import PocketOptions, opened
from populace.envs.bridges import inspect

SEED = int(sys.argv[1]) if len(sys.argv) > 1 else 0
pocket, draw, words = opened(PocketOptions()), random.Random(SEED), ("clear", "vague", "end")


def _ours(reply: str) -> ModelOutput:
    usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)  # or Inspect fetches a tokenizer to count
    return ModelOutput.from_content("mockllm/model", reply).model_copy(update={"usage": usage})


def _pocket(messages, *_):
    ((_, reply),) = pocket.complete([Ask((("user", messages[-1].text),), words, draw.getrandbits(32))])
    return _ours(reply.text)


paid = {}
for name, player in (("chance", lambda *_: _ours(draw.choice(words))), ("pocket", _pocket)):
    task = inspect.seat(world="populace/payoff-v0", role="user", users=2, seats=2, worlds=40, max_turns=4, seed=SEED)
    model = get_model("mockllm/model", custom_outputs=player, memoize=False)
    (log,) = evaluate(task, model=model, log_dir=tempfile.mkdtemp(), display="none")  # `inspect view` opens the log
    reward = next(score for score in log.results.scores if score.name == "reward").metrics
    paid[name] = reward["mean"].value, reward["stderr"].value  # clustered by world
gain, error = paid["pocket"][0] - paid["chance"][0], (paid["pocket"][1] ** 2 + paid["chance"][1] ** 2) ** 0.5
print(f"chance {paid['chance'][0]:.2f}, pocket {paid['pocket'][0]:.2f}: {gain:+.2f} +- {1.96 * error:.2f}")
