"""Load every waiting delivery, reference sources first.

Safe to run again: a delivery that is stored already is only moved out of the inbox. Bad rows and refused files
fail nothing here; they stand in quarantine and on the Data quality page. The asset `medsupply://warehouse` is
written when anything was stored; a run with an empty inbox is skipped.
"""

import pendulum
from airflow.sdk import Asset, dag, get_current_context, task

from medsupply import schedule


@dag(
    schedule="*/5 5-20 * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz=schedule.TIMEZONE),
    catchup=False,
    max_active_runs=1,
    default_args=schedule.DEFAULT_ARGS,
    params=schedule.PARAMS,
    doc_md=__doc__,
    tags=["sources"],
)
def load_sources() -> None:
    @task
    def waiting(reference: bool) -> list[dict[str, str]]:
        from medsupply import flow

        return flow.waiting(schedule.settings(), reference=reference)

    @task(map_index_template="{{ label }}")
    def load(delivery: dict[str, str]) -> str:
        from medsupply import flow

        context = get_current_context()
        context["label"] = f"{delivery['source']} {delivery['name']}"
        with schedule.warehouse() as wh:
            return str(flow.take(wh, delivery, received_at=schedule.known_at(context["params"])))

    @task(outlets=[Asset(schedule.WAREHOUSE)], trigger_rule="all_done")
    def report() -> None:
        from airflow.sdk.exceptions import AirflowSkipException

        from medsupply import desk

        with schedule.warehouse() as wh:
            told = desk.report_loads(wh, since=get_current_context()["dag_run"].start_date)
        if not told:
            raise AirflowSkipException("nothing was waiting")

    first = waiting.override(task_id="waiting_reference")(reference=True)
    second = waiting.override(task_id="waiting_others", trigger_rule="all_done")(reference=False)
    reference = load.override(task_id="load_reference").expand(delivery=first)
    others = load.override(task_id="load_others").expand(delivery=second)
    reference >> second
    others >> report()


load_sources()
