"""What is checked of every world with words: same measures, texts that are kept, read back and shown safely."""

from collections.abc import Callable, Collection
from dataclasses import replace

import torch

import populace
from populace import tree
from populace.agents.llm.backends.base import Reply
from populace.agents.llm.backends.fakes import _Fake
from populace.agents.llm.seats.text_policy import TextPolicy
from populace.draw import Draw
from populace.rollout import Keep
from populace.run import Run, advance, see
from populace.words import SILENCE, UNWORDED, Reader


class Replies(_Fake):
    """A backend that is a function of what is asked."""

    greedy = True

    def __init__(self, say: Callable):
        self.voice, self.say = f"a test's {say}", lambda ask: Reply.of(ask, say(ask))


def replies(say: Callable | str) -> TextPolicy:
    """A text policy whose reply to an `Ask` is what a function says, or always this text."""

    class Says(TextPolicy):
        def open(self):
            return Replies(say if callable(say) else lambda ask: say)

    return Says(Says.Options())


def small(scenario: str, **changes):
    """A library scenario with three worlds of six users, of which two are recorded."""
    shrunk = {"schema": 1, "extends": scenario, "name": "small", "worlds": 3}
    return populace.load({**shrunk, "population": {"size": 6}, "record": {"worlds": 2}, **changes})


def same_measures(without: Keep, with_words: Keep, more: bool = False) -> None:
    """Two runs measured the same to the bit; `more`: with words there may be measures beside."""
    names = set(without.series)
    assert names <= set(with_words.series) if more else names == set(with_words.series)
    for name, values in without.series.items():
        one, other = torch.stack(values), torch.stack(with_words.series[name])
        assert torch.equal(one.nan_to_num(-9.0), other.nan_to_num(-9.0)), name


def read_back(
    world, player, run: Run, role: str, atol: float, leave: Collection[str] = (), asked: bool = False
) -> None:
    """What a script does in this phase is what is read of its acts once they are put in words.

    `leave` fields out; with `asked`, seats that are not asked do not count.
    """
    seen = see(world, run, world.role(role))
    acts, _ = player.act(seen, None, run.draw().scope("x"))
    dialogue = world.dialogue()
    chats = dialogue.say(seen)
    actions, kinds = dialogue.hear(seen, chats, dialogue.write(seen, chats, acts))
    assert (kinds == 0).all()
    where = tuple(zip(*((chat.world, chat.seat) for chat in chats), strict=True)) if asked else ...
    for name in set(acts) - set(leave):
        assert torch.allclose(actions[name][where].float(), acts[name][where].float(), atol=atol), name


def resumed(world, players, run: Run, path, texts: Callable[[Run], torch.Tensor]) -> tuple[Run, Run]:
    """A run that is saved here goes on as if it had not been, with the same texts, whose ids `texts` gives."""
    run.save(path)
    back = Run.load(path)
    for _ in range(6):
        run, one = advance(world, players, run)
        back, other = advance(world, players, back)
        assert set(one.said) == set(other.said)
    assert torch.equal(texts(run), texts(back))
    reads = [Reader(r.words, world.lexicon).read for r in (run, back)]
    for found in texts(run).unique().tolist():
        assert reads[0](found) == reads[1](found)
    return run, back


def readable(world, run: Run, texts: torch.Tensor) -> None:
    """Every text that was said has words, but where nothing was said."""
    read = Reader(run.words, world.lexicon).read
    assert all(read(i) or i in (SILENCE, UNWORDED) for i in texts.unique().tolist())


def on_meta(world, run: Run, phase: str) -> tuple[object, dict, Draw]:
    """State, forfeits and draw of a phase on the meta device, where any copy to the host fails."""
    fields = {role.name: role.done_in(phase) for role in world.acting[phase]}
    worlds = len(run.worlds)
    actions = {
        name: {f.name: f.empty(worlds, world.cast[name].seats, "meta") for f in done} for name, done in fields.items()
    }
    draw = run.draw()
    draw = replace(draw, keys=draw.keys.to("meta"))
    return tree.tree_map(lambda tensor: tensor.to("meta"), run.state), actions, draw.scope("advance")


def escaped(page: str) -> None:
    """Words that would be a script in the page are text there."""
    assert "alert(1)" in page
    assert "<script>alert(1)" not in page
