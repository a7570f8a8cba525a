"""Write the closed days of the record as one file each, sweep what nothing needs, delete what retention lets go.

Runs at night, while no deliveries come. Killed or run twice it leaves the same record; nothing that can be asked of the
record changes. What retention deleted stands in `analyst.retention`.
"""

import pendulum
from airflow.sdk import dag, get_current_context, task

from medsupply import schedule


@dag(
    schedule="30 2 * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz=schedule.TIMEZONE),
    catchup=False,
    max_active_runs=1,
    default_args=schedule.DEFAULT_ARGS,
    params=schedule.PARAMS,
    doc_md=__doc__,
    tags=["warehouse"],
)
def compact_record() -> None:
    @task
    def compact() -> str:
        from medsupply import flow

        with schedule.warehouse() as wh:
            return flow.compact(wh, at=schedule.known_at(get_current_context()["params"]))

    @task(trigger_rule="all_done")
    def retain() -> list[dict[str, object]]:
        from medsupply import flow

        with schedule.warehouse() as wh:
            deleted = flow.retain(wh, at=schedule.known_at(get_current_context()["params"]))
        return deleted.select("kind", "rows", "bytes").to_dicts()

    compact() >> retain()


compact_record()
