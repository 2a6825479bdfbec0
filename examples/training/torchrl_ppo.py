"""TorchRL: PPO teaches a user of the payoff world to ask clearly (half a minute, two cores).

pip install "populace[torchrl]"; python examples/training/torchrl_ppo.py
"""

import sys

import torch
from tensordict.nn import TensorDictModule
from torch import nn
from torchrl.modules import ProbabilisticActor, ValueOperator
from torchrl.objectives import ClipPPOLoss
from torchrl.objectives.value import GAE

from populace.envs.bridges import torchrl

STEPS, SEED = int(sys.argv[1]) if len(sys.argv) > 1 else 30, int(sys.argv[2]) if len(sys.argv) > 2 else 0
torch.manual_seed(SEED)
make = {"users": 4, "seat": ("user", 0), "max_cycles": 16}  # one user in each of many worlds
env = torchrl.env("populace/payoff-v0", 128, seed=SEED, **make)
width, choices = env.observation_spec["observation"].shape[-1], env.action_spec.space.n
body = nn.Sequential(nn.Linear(width, 64), nn.Tanh(), nn.Linear(64, choices))
logits, draws = TensorDictModule(body, ["observation"], ["logits"]), torch.distributions.Categorical
actor = ProbabilisticActor(logits, ["logits"], spec=env.action_spec, distribution_class=draws, return_log_prob=True)
critic = ValueOperator(nn.Sequential(nn.Linear(width, 64), nn.Tanh(), nn.Linear(64, 1)))
loss, advantage = ClipPPOLoss(actor, critic, entropy_coeff=0.01), GAE(gamma=0.9, lmbda=0.95, value_network=critic)
optimiser = torch.optim.Adam(loss.parameters(), 3e-3)
for _ in range(STEPS):
    with torch.no_grad():
        data = env.rollout(16, actor, break_when_any_done=False)  # [worlds, steps]
    for _ in range(4):  # passes over the same experience
        advantage(data)
        optimiser.zero_grad()
        sum(value for name, value in loss(data.reshape(-1)).items() if name.startswith("loss_")).backward()
        optimiser.step()
with torch.no_grad():  # in other societies, by world: the same people and the same random numbers
    played = [torchrl.env("populace/payoff-v0", 128, seed=10**6, **make).rollout(16, who) for who in (None, actor)]
chance, trained = (data["next", "reward"].sum((1, 2)) for data in played)
gain, interval = (trained - chance).mean(), 1.96 * (trained - chance).std() / 128**0.5
print(f"chance {chance.mean():.2f}, trained {trained.mean():.2f}: {gain:+.2f} +- {interval:.2f}")
