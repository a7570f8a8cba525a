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
    def waiting(reference: bool) -> list[list[dict[str, str]]]:
        from medsupply import flow

        return flow.waiting(schedule.settings(), reference=reference)

    @task(map_index_template="{{ label }}")
    def load(deliveries: list[dict[str, str]]) -> list[str]:
        from medsupply import flow

        context = get_current_context()
        more = f" and {len(deliveries) - 1} more" if len(deliveries) > 1 else ""
        context["label"] = f"{deliveries[0]['source']} {deliveries[0]['name']}{more}"
        with schedule.warehouse() as wh:
            verdicts = flow.take(wh, deliveries, received_at=schedule.known_at(context["params"]))
        return [str(one) for one in verdicts]

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
    reference = load.override(task_id="load_reference").expand(deliveries=first)
    others = load.override(task_id="load_others").expand(deliveries=second)
    reference >> second
    others >> report()


load_sources()
