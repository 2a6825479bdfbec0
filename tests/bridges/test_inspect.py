"""The bridge to Inspect: an evaluation plays, scores and clusters, and its log opens."""

import math
import statistics
import subprocess
import sys

import pytest
from training import gains, without

from populace.envs.bridges.seats import Episode, seat_of

pytest.importorskip(
    "inspect_ai", reason='Inspect is not installed: pip install "populace[inspect]", or run `make test-bridges`'
)

from inspect_ai import eval as evaluate
from inspect_ai.log import read_eval_log
from inspect_ai.model import ModelOutput, ModelUsage, get_model

from populace.envs.bridges import inspect as bridge

ARGUMENTS = {"world": "populace/payoff-v0", "role": "user", "users": 3, "max_turns": 2}


def said(text):
    """A model that always says the same; its usage is given, or Inspect would fetch a tokenizer to count."""
    whole = ModelOutput.from_content("mockllm/model", text)
    whole.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
    return get_model("mockllm/model", custom_outputs=lambda *_: whole.model_copy(deep=True), memoize=False)


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    task = bridge.seat(**ARGUMENTS, worlds=4, seats=2)
    found = evaluate(task, model=said("clear"), log_dir=str(tmp_path_factory.mktemp("log")), display="none")[0]
    assert found.status == "success", found.error
    return read_eval_log(found.location)


def own():
    """world -> the rewards of its two seats, played without Inspect."""
    rewards = {}
    for world in range(4):
        for seat in range(2):
            played = Episode(seat_of(**ARGUMENTS, seat=seat), world, 0)
            while not played.over:
                played.reply("clear")
            rewards.setdefault(world, []).append(played.reward)
    return rewards


def test_its_log_holds_the_conversations_and_what_they_came_to(log):
    assert len(log.samples) == 8
    rewards = own()
    for sample in log.samples:
        value = sample.scores["paid"].value
        assert value["reward"] == pytest.approx(rewards[sample.metadata["world"]][sample.metadata["seat"]])
        assert value["unread"] == 0
        assert "mutual_welfare" in value
        assert [message.role for message in sample.messages] == ["user", "assistant"] * 2


def test_standard_errors_are_clustered_by_world(log):
    found = next(score for score in log.results.scores if score.name == "reward")
    rewards = own()
    every = [paid for seats in rewards.values() for paid in seats]
    mean = statistics.fmean(every)
    assert found.metrics["mean"].value == pytest.approx(mean)
    # The closed form: squared sums of deviations by cluster, with the correction C / (C - 1) for few clusters.
    squares = sum(sum(paid - mean for paid in seats) ** 2 for seats in rewards.values())
    assert found.metrics["stderr"].value == pytest.approx(math.sqrt(squares * 4 / 3) / len(every))


def test_unreadable_replies_are_counted(tmp_path):
    task = bridge.seat(**ARGUMENTS, worlds=2)
    found = evaluate(task, model=said("well, well"), log_dir=str(tmp_path), display="none")[0]
    assert next(score for score in found.results.scores if score.name == "unread").metrics["mean"].value == 1.0


def test_a_scenario_is_evaluated_too(tmp_path):
    task = bridge.seat(scenario="talk-drift", worlds=1, max_turns=1)
    (found,) = evaluate(task, model=said("That is not so."), log_dir=str(tmp_path), display="none")
    assert found.status == "success"
    assert [message.role for message in found.samples[0].messages][:1] == ["system"]


def test_inspect_finds_the_task_by_its_name(tmp_path):
    code = (
        "from inspect_ai import eval\n"
        "from inspect_ai.model import ModelOutput, ModelUsage, get_model\n"
        "def said(*_):\n"
        "    return ModelOutput.from_content('m', 'clear').model_copy(update={'usage': ModelUsage()})\n"
        "model = get_model('mockllm/model', custom_outputs=said)\n"
        f"print(eval('populace/seat', model, task_args={ {**ARGUMENTS, 'worlds': 1}!r}, display='none')[0].status)\n"
    )
    # Elsewhere, as a user would: from the checkout, Inspect takes the build's leftovers for the installed package.
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "success", done.stderr[-2000:]


def test_the_example_tells_models_apart():
    for gain, interval in gains("inspect_eval.py"):
        assert gain > interval


def test_without_inspect_the_line_that_installs_it_is_told():
    assert 'pip install "populace[inspect]"' in without("inspect_ai", "populace.envs.bridges.inspect")
