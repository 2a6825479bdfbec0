"""TRL: the shipped model learns by GRPO to ask clearly, where a clear question serves it (one minute, two cores).

pip install "populace[trl]"; python examples/training/trl_grpo.py
"""

import sys
import tempfile
from functools import partial

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import GRPOConfig, GRPOTrainer

from populace.agents.llm.backends.pocket import folder
from populace.envs.bridges import trl
from populace.envs.views import text_env

STEPS, SEED = int(sys.argv[1]) if len(sys.argv) > 1 else 20, int(sys.argv[2]) if len(sys.argv) > 2 else 0
# A user who talks with an assistant of the payoff world, four turns; `text_env` takes any other world and role.
make = partial(text_env, "populace/payoff-v0", "user", users=1, max_turns=4)
model = AutoModelForCausalLM.from_pretrained(folder(), dtype=torch.float32)  # or any chat model
rollouts = trl.Rollouts(make, max_reply=8, lead=False)  # pocket was trained on bare labels, without a lead
settings = GRPOConfig(
    tempfile.mkdtemp(), use_cpu=True, per_device_train_batch_size=64, num_generations=8, max_steps=STEPS, seed=SEED,
    learning_rate=1e-3, lr_scheduler_type="constant", max_completion_length=512, report_to=[], save_strategy="no",
)  # fmt: skip
trainer = GRPOTrainer(
    model, trl.reward, args=settings, train_dataset=trl.worlds(8 * STEPS), rollout_func=rollouts,
    processing_class=AutoTokenizer.from_pretrained(folder()),
)  # fmt: skip
test = trl.worlds(64, first=10**6)["prompt"]  # other people than in the training
before = torch.tensor(rollouts(test, trainer)["reward"])
(env := make(num_envs=64)).reset(0, range(10**6, 10**6 + 64))
draws = torch.randint(0, 3, (4, 64), generator=torch.Generator().manual_seed(SEED))
chance = sum(torch.tensor(env.step([("clear", "vague", "end")[k] for k in row]).rewards) for row in draws.tolist())
trainer.train()
after = torch.tensor(rollouts(test, trainer)["reward"])
for name, other in (("chance", chance), ("the start", before)):
    gain = after - other  # by world: the same people and the same random numbers
    print(f"{name} {other.mean():.2f}, trained {after.mean():.2f}: {gain.mean():+.2f} +- {1.96 * gain.std() / 8:.2f}")
