"""What the feed adds to the report: how polarised readers are at the end, per arm."""

import html

from populace.analysis import Section
from populace.analysis.style import cell, figure, look, svg
from populace.analysis.summaries import summarise


def polarisation(run):
    """Mean polarisation over worlds with its 95 % interval, per arm and step."""
    return summarise(run.steps[run.steps["measure"] == "polarisation"], ["arm", "step"], bounds=(0.0, 1.0))


def sections(run):
    """One section: a figure over time and a table of the end."""
    rows, (fig, axes), table = polarisation(run), figure(), ""
    for k, (arm, line) in enumerate(rows.groupby("arm", observed=True, sort=False)):
        axes.plot(line["step"], line["mean"], label=arm, **look(k))
        end = line.iloc[-1]
        table += f"<tr><th>{html.escape(arm)}</th><td class='n'>{cell(end['mean'], end['low'], end['high'])}</td></tr>"
    axes.legend(frameon=False)
    body = f"<figure>{svg(fig, 'Polarisation over time, one line per arm.')}</figure><table>{table}</table>"
    text = "Standard deviation of opinions between readers: over time, and at the end with its 95 % interval."
    return [Section("Did the feed polarise its readers?", body, text, first=True)]
