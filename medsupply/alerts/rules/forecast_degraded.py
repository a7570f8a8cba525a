"""The newest demand forecast is too old, or forecasts turned out worse. About the service, in the country's area."""

from __future__ import annotations

from medsupply.alerts.rules.rule import Rule, has, lacks

RULE = Rule(
    "forecast_degraded",
    why_it_matters="The forecast is old, or turned out much worse than before: trust its probabilities less",
    what_to_do="Look at the forecast run in Airflow; read probabilities with care until it is made",
    opens=has("forecast_degraded"),
    quiet=lacks("forecast_degraded"),
    closes_after=1,
    immediate=False,
)
