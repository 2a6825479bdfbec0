"""The seats of the matrix world: what they see and do."""

from dataclasses import replace

from populace.envs.matrix.options import MatrixOptions
from populace.fields import Field, Role
from populace.population import Census

_SAYS = "What it says to the other before the move; it need not be true."


def roles(options: MatrixOptions, census: Census) -> tuple[Role, ...]:
    """The role `player`: everybody."""
    k, j = options.shape[0], options.joint
    labels = options.names
    low, high = _payoffs(options)
    theirs = "The mean payoff of the others, in the same order."
    sees: tuple[Field, ...] = (
        Field(
            name="mine",
            kind="real",
            shape=(k, j),
            span=(low, high),
            about="Its payoff: own acts x the others' joint acts.",
        ),
        Field(name="theirs", kind="real", shape=(k, j), span=(low, high), about=theirs),
        Field(name="faced", kind="real", shape=(j,), low=0, high=1, about="Shares of what it met in the last tick."),
        Field(name="own", kind="choice", labels=(*labels, "none"), about="Its own last act."),
        Field(name="payoff", kind="real", span=(min(low, 0.0), max(high, 0.0)), about="Its last payoff, 0 before."),
        Field(
            name="span",
            kind="real",
            low=0,
            span=(0.0, high - low),
            about="The game's largest payoff less its smallest.",
        ),
    )
    if options.models:
        sees += (
            Field(name="model_act", kind="choice", labels=(*labels, "none"), about="Another player's last act."),
            Field(
                name="model_payoff",
                kind="real",
                span=(min(low, 0.0), max(high, 0.0)),
                about="That player's last payoff, 0 before.",
            ),
        )
    does: tuple[Field, ...] = (Field(name="act", kind="choice", labels=labels, about="What it does."),)
    about = "Plays the game with whom it is matched."
    if options.talk:
        sees += tuple(
            Field(name=name, kind="text", phases=("play",), about=f"What {who} said before the move.")
            for name, who in (("said", "it"), ("heard", "the other"))
        )
        does = (replace(does[0], phases=("play",)), Field(name="message", kind="text", phases=("talk",), about=_SAYS))
        about = "Says a sentence to whom it is matched with, and plays the game."
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
