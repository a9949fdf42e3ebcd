"""What is deployed to watch the service by: its alerts and its dashboard, and the queries in them."""

import json
from pathlib import Path
from typing import Any, Final

import yaml

_DEPLOY: Final = Path(__file__).parents[2] / "deploy"
ALERTS: Final = _DEPLOY / "prometheus" / "alerts.yaml"
SAMPLE: Final = _DEPLOY / "prometheus" / "prometheus.yaml"
DASHBOARD: Final = _DEPLOY / "grafana" / "spark-assets.json"
RULES: Final[list[dict[str, Any]]] = yaml.safe_load(ALERTS.read_text())["groups"][0]["rules"]
_VARIABLES: Final = {"$__rate_interval": "5m", "$instance": ".+"}


def queries() -> list[str]:
    """Those of the alerts, and those of the dashboard with its variables filled in."""
    board = json.loads(DASHBOARD.read_text())
    found = [rule["expr"] for rule in RULES]
    for panel in board["panels"]:
        for target in panel.get("targets", ()):
            text = target["expr"]
            for variable, value in _VARIABLES.items():
                text = text.replace(variable, value)
            found.append(text)
    return found
