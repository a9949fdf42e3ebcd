"""`doctor`: the effective settings, what works, and whether the promises hold."""

from typing import Annotated

import typer

from spark_assets.cli.output import FAILURE, explained, print_json
from spark_assets.cli.session import AsJson, Home


def doctor(
    home: Home = None,
    verify_promises: Annotated[bool, typer.Option("--verify", help="Check every promise about tasks, assets and stored bytes.")] = False,
    repair_promises: Annotated[
        bool, typer.Option("--repair", help="Put right what safely can be, say what was done, then verify what is left.")
    ] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="With --verify or --repair: lengths of stored bytes only, not their hashes.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say what is configured, what works and what is wrong.

    Example: spark-assets doctor --verify
    """
    from spark_assets.cli.drawing import draw_table
    from spark_assets.cli.examination import Wish, examine
    from spark_assets.cli.shown_settings import effective
    from spark_assets.observability import configure_logging
    from spark_assets.runtime.home import make_home
    from spark_assets.settings import load_settings

    with explained():
        settings = load_settings(home=home)
        configure_logging(settings.log_level, settings.log_format)
        make_home(settings)
        findings = examine(settings, Wish(verify=verify_promises, quick=quick, repair=repair_promises))
    shown = effective(settings)
    if as_json:
        print_json({"settings": shown, "findings": [dict(zip(("part", "state", "message"), finding, strict=True)) for finding in findings]})
    else:
        draw_table(("Setting", "Value"), sorted(shown.items()))
        print()
        draw_table(("Part", "State", ""), findings)
    if any(state != "ok" for _, state, _ in findings):
        raise typer.Exit(FAILURE)
