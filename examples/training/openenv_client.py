"""OpenEnv: a user of the payoff world is served, and a client learns over WebSocket when to ask clearly (10 seconds).

pip install "populace[openenv]"; python examples/training/openenv_client.py
"""

import random
import re
import statistics
import sys
import threading
import time
from functools import partial

import uvicorn

from populace.envs.bridges import openenv
from populace.envs.views import text_env

EPISODES, SEED = int(sys.argv[1]) if len(sys.argv) > 1 else 400, int(sys.argv[2]) if len(sys.argv) > 2 else 0
make = partial(text_env, "populace/payoff-v0", "user", users=1, max_turns=4)
server = uvicorn.Server(uvicorn.Config(openenv.app(make), host="127.0.0.1", port=0, log_level="error"))
threading.Thread(target=server.run, daemon=True).start()
while not server.started:
    time.sleep(0.05)
address = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
draw, paid = random.Random(SEED), {}  # (how ambiguous the question is, reply) -> rewards: the learner's memory


def episode(client, world, wander):
    result, total = client.reset(seed=SEED, world=world), 0.0
    while not result.done:
        asked = result.observation  # any model's reply to `asked.messages` would do here
        place = int(re.search(r"(\d+)%", asked.messages[-1]["content"])[1]) // 25
        best = max(asked.options, key=lambda word: statistics.fmean(paid.get((place, word), [9.0])))
        reply = draw.choice(asked.options) if draw.random() < wander else best
        result = client.step(openenv.Reply(text=reply))
        paid.setdefault((place, reply), []).append(result.reward)
        total += result.reward
    return total


with openenv.Client(base_url=address).sync() as client:
    chance = [episode(client, 10**6 + i, 1.0) for i in range(100)]  # by world: the same people and random numbers
    for i in range(EPISODES):
        episode(client, i, 0.3)
    trained = [episode(client, 10**6 + i, 0.0) for i in range(100)]
gains = [b - a for a, b in zip(chance, trained, strict=True)]
gain, interval = statistics.fmean(gains), 1.96 * statistics.stdev(gains) / len(gains) ** 0.5
print(f"chance {statistics.fmean(chance):.2f}, trained {statistics.fmean(trained):.2f}: {gain:+.2f} +- {interval:.2f}")
