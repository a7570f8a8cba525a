"""Look each hour whether deliveries, pictures, forecasts, evaluations and the sender are alive.

A second pair of eyes only: the watchdog that counts (`medsupply alerts watch`, from cron or systemd) runs outside
Airflow, since it must also notice that Airflow has stopped.
"""

import pendulum
from airflow.sdk import dag, task

from medsupply import schedule


@dag(
    schedule="10 * * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz=schedule.TIMEZONE),
    catchup=False,
    max_active_runs=1,
    default_args=schedule.DEFAULT_ARGS,
    doc_md=__doc__,
    tags=["alerts"],
)
def watch_freshness() -> None:
    @task
    def watch() -> list[str]:
        from medsupply import desk

        return [str(one) for one in desk.watch(schedule.settings(), at=schedule.now())]

    watch()


watch_freshness()
