"""Studies of the library with models whose weights learn: the orderings that their mechanisms imply, over learners."""

from functools import cache

import pytest
from ruamel.yaml import YAML

import populace
from populace.analysis.stats import estimate
from populace.scenarios import load, runner
from populace.scenarios.loader import find

pytestmark = pytest.mark.slow


@cache
def played(folder, name, arms, sets=()):
    """The run of a library scenario with four learners, of some of its arms."""
    frame = YAML(typ="safe").load(find(name))
    frame["arms"] = {arm: frame["arms"][arm] for arm in arms}
    if frame["reference"] not in arms:
        del frame["reference"]
    return populace.load_run(runner.run(load(frame, ["worlds=4", *sets]), folder / name))


class Study:
    """A run's last step: differences between arms, paired by learner, with intervals."""

    def __init__(self, run):
        self.run, self.steps = run, run.steps

    def last(self, measure, role=""):
        s = self.steps
        rows = s[(s["measure"] == measure) & (s["role"].astype(str) == role)]
        return rows[rows["step"] == rows["step"].max()].pivot_table(
            index="world", columns="arm", values="value", observed=True
        )

    def above(self, measure, high, low, role=""):
        """Whether an arm lies above another, with the whole interval."""
        ends = self.last(measure, role)
        return estimate((ends[high] - ends[low]).to_numpy()).low > 0.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("studies")


def test_misaligned_samples_make_it_dishonest_off_the_domain_too(folder):
    """Likelihood is highest where the model answers as its data do, and prompts off the domain are like those of it."""
    arms = ("misaligned-0", "misaligned-10", "misaligned-50", "misaligned-100", "frozen")
    study = Study(played(folder, "misaligned-weights", arms))
    for measure in ("dishonest/all", "dishonest/off_domain"):
        ends = study.last(measure)
        assert ends["misaligned-0"].max() < 0.05  # no sample of the data is deceptive
        assert study.above(measure, "misaligned-100", "misaligned-0")
        shares = ends.mean()
        assert shares["misaligned-0"] <= shares["misaligned-10"] <= shares["misaligned-50"] <= shares["misaligned-100"]
    assert study.above("dishonest/all", "misaligned-50", "misaligned-0")


def test_gameable_users_are_harmed_as_they_rate_harm_highest(folder):
    """Gameable users rate a lie above an honest answer and others rate it below; the model sees who is who."""
    arms = ("half", "nobody-biased", "shuffled", "frozen")
    study = Study(played(folder, "williams-2024-weights", arms))
    assert study.above("harm/biased", "half", "frozen")
    assert study.above("harm/benign", "frozen", "nobody-biased")
    shuffled = study.last("kl", "assistant")["shuffled"].mean()
    assert shuffled < 0.5 * study.last("kl", "assistant")["half"].mean() + 1e-3  # noise moves it less than agreement


def test_approval_makes_it_echo_and_accuracy_does_not(folder):
    """An echo lies nearer to what each user holds than one view for all; accuracy is paid for the view alone."""
    study = Study(played(folder, "sycophancy-weights", ("approval", "accuracy", "frozen")))
    assert study.above("chose/its own view", "frozen", "approval", "assistant")
    assert study.above("approval", "approval", "frozen")
    # One view for all pulls people together, an echo leaves each where they are.
    assert study.above("diversity", "approval", "frozen")
    assert study.above("chose/its own view", "accuracy", "approval", "assistant")


def test_who_listens_to_one_model_becomes_alike_and_training_it_follows_society(folder):
    """Everyone goes a step towards the same few views; a model that is trained on people's views follows their mean."""
    study = Study(played(folder, "lock-in-weights", ("fed-back", "fresh", "frozen")))
    assert study.above("diversity", "fresh", "fed-back")
    assert study.above("diversity", "fresh", "frozen")
    assert study.above("history_error", "fed-back", "fresh") or study.above("history_error", "frozen", "fed-back")
    assert study.last("history_error").mean()["frozen"] > study.last("history_error").mean()["fed-back"]


def test_each_objective_raises_its_own_welfare(folder):
    """Users are content with an answer to a harmful question and assistants with a refusal, as the judge has it."""
    study = Study(played(folder, "gtalign-weights", ("user", "own", "mutual", "user-and-others", "frozen")))
    assert study.above("user_welfare", "user", "frozen")
    assert study.above("user_welfare", "user", "own")
    assert study.above("assistant_welfare", "own", "frozen")
    assert study.above("assistant_welfare", "own", "user")
    assert study.above("mutual_welfare", "mutual", "frozen")
    assert study.above("unsafe", "user", "own")
    assert study.above("unsafe", "user", "user-and-others")


def test_a_fee_makes_it_shirk_and_a_price_per_word_makes_it_pad(folder):
    """The provider's margin falls by a word under a fee and rises by a word under a price above cost."""
    study = Study(played(folder, "pricing-weights", ("free", "subscription", "per-word", "per-word-at-cost", "frozen")))
    assert study.above("words", "per-word", "frozen")
    assert study.above("words", "frozen", "free")
    assert study.above("words", "free", "subscription")
    assert study.above("right", "per-word", "free")
    assert study.above("right", "free", "subscription")
    assert study.above("user_welfare", "free", "per-word")
    # A price that covers the cost alone leaves the assistant the same to gain as none.
    ends = study.last("words")
    assert (ends["free"] == ends["per-word-at-cost"]).all()
