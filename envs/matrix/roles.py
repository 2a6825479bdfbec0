"""The seats of the matrix world: what they see and do."""

from dataclasses import replace
from itertools import product

from populace.envs.matrix.options import PACKAGE, MatrixOptions
from populace.fields import Field, Role
from populace.population import Census
from populace.wordings import Wordings

_SAYS = "What you say to the other player before you both choose; it need not be true."


def roles(options: MatrixOptions, census: Census) -> tuple[Role, ...]:
    """The role `player`: everybody."""
    k, j = options.shape[0], options.joint
    labels = options.names
    low, high = _payoffs(options)
    joint = tuple(" and ".join(acts) for acts in product(labels, repeat=len(options.shape) - 1))
    many = len(options.shape) > 2
    other = "the others choose" if many else "the other player chooses"
    own = (*labels, "none")
    unplayed = ("",) * len(labels) + ("nothing yet",)
    by = f"by what you choose and, after it, what {other}"
    sees: tuple[Field, ...] = (
        Field(
            name="mine",
            kind="real",
            shape=(k, j),
            span=(low, high),
            axes=(labels, joint),
            about=f"How many points you get, {by}.",
        ),
        Field(
            name="theirs",
            kind="real",
            shape=(k, j),
            span=(low, high),
            axes=(labels, joint),
            about=f"How many points {'each of the others gets on average' if many else 'the other player gets'}, {by}.",
        ),
        Field(
            name="faced",
            kind="real",
            shape=(j,),
            low=0,
            high=1,
            axes=(joint,),
            about="What you met last, as shares of 1; all are 0 before you have played.",
        ),
        Field(name="own", kind="choice", labels=own, meanings=unplayed, about="What you chose last."),
        Field(
            name="payoff",
            kind="real",
            span=(min(low, 0.0), max(high, 0.0)),
            about="How many points you got last; 0 before you have played.",
        ),
        Field(
            name="span",
            kind="real",
            low=0,
            span=(0.0, high - low),
            about="How many points lie between the best and the worst payoff of the game.",
        ),
    )
    if options.models:
        sees += (
            Field(
                name="model_act", kind="choice", labels=own, meanings=unplayed, about="What another player chose last."
            ),
            Field(
                name="model_payoff",
                kind="real",
                span=(min(low, 0.0), max(high, 0.0)),
                about="How many points that player got last; 0 before it has played.",
            ),
        )
    does: tuple[Field, ...] = (Field(name="act", kind="choice", labels=labels, about="What you choose."),)
    given = {"acts": list(labels), "matching": options.matching, "several": many, "talk": options.talk}
    about = Wordings.of(PACKAGE, options.language).one("player.about", **given)
    if options.talk:
        sees += tuple(
            Field(name=name, kind="text", phases=("play",), about=f"What {who} said before you both choose.")
            for name, who in (("said", "you"), ("heard", "the other player"))
        )
        does = (replace(does[0], phases=("play",)), Field(name="message", kind="text", phases=("talk",), about=_SAYS))
    return (
        Role(
            name="player",
            seats=census.size,
            phases=("talk", "play") if options.talk else ("play",),
            sees=sees,
            does=does,
            about=about,
            seats_are_users=True,
        ),
    )


def _payoffs(options: MatrixOptions) -> tuple[float, float]:
    """The game's smallest and largest payoff; of random games, beyond which no draw is."""
    table = options.table()
    return (-6.0, 6.0) if table is None else (float(table.min()), float(table.max()))
