"""``jaxsim train``: learn a policy for a family by reinforcement learning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from jaxsim.cli import complete, shared
from jaxsim.cli.app import AsJson, Out, Words, app
from jaxsim.core.validation import require
from jaxsim.experiments import inputs
from jaxsim.experiments.build import simulated_card

if TYPE_CHECKING:
    from jaxsim.experiments.training import Trained
else:
    Trained = Any  # it lives beside JAX, which --help must not load


@app.command()
def train(
    family: Annotated[
        str, typer.Argument(metavar="FAMILY", help="see 'jaxsim list'", autocompletion=complete.family)
    ],
    words: Words = None,
    algorithm: Annotated[str, typer.Option(help="ppo")] = "ppo",
    view: Annotated[
        str | None, typer.Option(help="what decides on what; 'jaxsim list FAMILY' shows the views")
    ] = None,
    setting: Annotated[str, typer.Option(help="fast, or paper (table 2 of the paper)")] = "fast",
    seed: Annotated[str, typer.Option(help="of networks, actions and paths")] = "0",
    episodes: Annotated[str, typer.Option(help="fresh episodes that judge the policy")] = "1000",
    horizon: Annotated[str | None, typer.Option(help="model time of an episode")] = None,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Learn a policy; words are keys of the system and of the training (updates=, batch=, widths= ...).

    With --out the folder keeps the policy, its curve and checkpoints; 'jaxsim resume' goes on after a kill.
    """
    request = {name: value for name, value in locals().items() if name != "out"}
    card = simulated_card(family)
    assert card.system is not None
    require(bool(card.views), "family", family, "has nothing to learn", "see 'jaxsim list'")
    values = inputs.parse_words(words or [])

    from jaxsim.experiments import training
    from jaxsim.learning.ppo.settings import FAST
    from jaxsim.results.job import job

    known = {**vars(FAST[0]), **vars(FAST[1])}
    changes = {name: values.pop(name) for name in list(values) if name in known}
    inputs.check_keys(values, card.system.load())
    with job(out, "train", request):
        with shared.progress_bar(f"{family} · {algorithm}") as show:
            found = training.train(
                family,
                view=view,
                keys=values,
                algorithm=algorithm,
                setting=setting,
                changes=changes,
                horizon=None if horizon is None else inputs.parse_value(horizon),
                seed=inputs.parse_value(seed),
                episodes=inputs.parse_value(episodes),
                checkpoint=out,
                progress=show,
            )
        if out is not None:
            training.keep(found, out)
    if as_json:
        shared.print_json(found.plain())
    else:
        _print(found, out)


def _print(found: Trained, out: Any) -> None:
    done, returns = found.training, found.returns
    request, curve = found.request, done.curve["return"]
    print(f"{request['family']} · {request['view']} · {request['algorithm']}, seed {request['seed']}")
    mean, half = returns.mean, returns.half_width
    print(f"  return per episode   {mean:.5g} ± {half:.2g}  ({returns.replications} fresh episodes)")
    print(f"  while learning       {curve[0]:.4g} at first, {curve[-1]:.4g} at last (with control variate)")
    print(
        f"  {done.steps} environment steps in {done.seconds:.3g} CPU seconds, {done.compiling:.2g} compiling"
    )
    if out is not None:
        print(f"  saved to {out}")
