"""RLlib: users and assistants of the payoff world learn together, a policy for each role (a minute, two cores).

pip install "populace[rllib]"; python examples/training/rllib_ppo.py
"""

import statistics
import sys

import torch
from ray.rllib.algorithms.ppo import PPOConfig

from populace.envs.bridges import rllib

STEPS, SEED = int(sys.argv[1]) if len(sys.argv) > 1 else 12, int(sys.argv[2]) if len(sys.argv) > 2 else 0
WORLD, ARGUMENTS = "populace/payoff-v0", {"users": 4, "max_cycles": 32}
config = PPOConfig().environment(rllib.register(WORLD, **ARGUMENTS)).debugging(seed=SEED)
config = config.multi_agent(**rllib.by_role(WORLD, **ARGUMENTS)).env_runners(num_env_runners=0)
config = config.training(train_batch_size_per_learner=256, minibatch_size=256, num_epochs=6, lr=3e-3, gamma=0.9)
trained = config.build_algo()
for _ in range(STEPS):
    trained.train()


def _paid(world, player):
    env, total = rllib.env(WORLD, **ARGUMENTS), 0.0
    seen, _ = env.reset(seed=10**6 + SEED, options={"world": world})
    while seen:
        seen, rewards, *_ = env.step({name: player(name, one, env.action_space[name]) for name, one in seen.items()})
        total += sum(rewards.values()) / len(env.possible_agents)
    return total


def _learned(agent, observation, space):
    module = trained.get_module(rllib.role_of(agent))
    found = module.forward_inference({"obs": torch.as_tensor(observation)[None]})["action_dist_inputs"]
    return module.get_inference_action_dist_cls().from_logits(found).to_deterministic().sample()[0].numpy()


gains = [_paid(i, _learned) - _paid(i, lambda agent, seen, space: space.sample()) for i in range(25)]  # by world
print(f"trained over chance, by agent: {statistics.fmean(gains):+.2f} +- {1.96 * statistics.stdev(gains) / 5:.2f}")
