"""Make the pictures of past report days again, one mapped task per day, as known at one moment.

Started by hand with `from` and `to` (days) and, if wanted, `known_at`. Idempotent: a day whose facts did not
change stores nothing new.
"""

import pendulum
from airflow.sdk import dag, get_current_context, task

from medsupply import schedule


@dag(
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz=schedule.TIMEZONE),
    catchup=False,
    max_active_tasks=4,
    default_args=schedule.DEFAULT_ARGS,
    params={"from": "", "to": "", "known_at": ""},
    doc_md=__doc__,
    tags=["picture"],
)
def backfill_pictures() -> None:
    @task
    def days() -> list[str]:
        from medsupply import flow

        params = get_current_context()["params"]
        return flow.days_between(params["from"], params["to"])

    @task(map_index_template="{{ label }}")
    def measure(day: str) -> str:
        from medsupply import flow

        context = get_current_context()
        context["label"] = day
        params = {**context["params"], "as_of": day}
        with schedule.warehouse() as wh:
            return str(flow.measure(wh, schedule.as_of(params), schedule.known_at(params)))

    @task
    def in_order(found: list[str]) -> None:
        """Judge day after day: what a day owes to the one before does not depend on which task was first."""
        from medsupply import flow

        params = get_current_context()["params"]
        with schedule.warehouse() as wh:
            for day in found:
                flow.judge(wh, schedule.as_of({"as_of": day}), schedule.known_at(params))

    found = days()
    measure.expand(day=found) >> in_order(found)


backfill_pictures()
