"""OpenEnv: a user of the payoff world is served; a client learns over WebSocket when to ask clearly (half a minute).

pip install "populace[openenv]"; python examples/training/openenv_client.py
"""

import random
import re
import statistics
import sys
from functools import partial

from populace.envs.bridges import openenv
from populace.envs.views import text_env

EPISODES, SEED = int(sys.argv[1]) if len(sys.argv) > 1 else 400, int(sys.argv[2]) if len(sys.argv) > 2 else 0
make = partial(text_env, "populace/payoff-v0", "user", users=1, max_turns=4)  # any world and seat
draw, paid = random.Random(SEED), {}  # (how ambiguous the question is, reply) -> rewards: the learner's memory


def _episode(client, world, wander):
    result = client.reset(seed=SEED, world=world)
    while not result.done:
        asked = result.observation  # any model's reply to `asked.messages` would do here
        place = int(re.search(r"(\d+)%", asked.messages[-1]["content"])[1]) // 25
        known = {word: statistics.fmean(paid.get((place, word), [9.0])) for word in asked.options}
        reply = draw.choice(asked.options) if draw.random() < wander else max(known, key=known.get)
        result = client.step(openenv.Reply(text=reply))
        paid.setdefault((place, reply), []).append(result.reward)
    return client.state().reward


# `uvicorn.run(openenv.app(make))` serves it on another machine, to any number of learners.
with openenv.serving(make) as address, openenv.Client(base_url=address).sync() as client:
    chance = [_episode(client, 10**6 + i, 1.0) for i in range(100)]
    learning = [_episode(client, i, 0.3) for i in range(EPISODES)]
    trained = [_episode(client, 10**6 + i, 0.0) for i in range(100)]  # by world: the same people and random numbers
gains = [after - before for before, after in zip(chance, trained, strict=True)]
print(f"trained over chance: {statistics.fmean(gains):+.2f} +- {1.96 * statistics.stdev(gains) / 10:.2f}")
