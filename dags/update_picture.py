"""Measure the report day and judge it with the newest forecast known.

Runs when deliveries were stored, and by the clock each morning in case that signal was lost. A picture made
again from the same facts is the same picture and stores nothing new.
"""

import pendulum
from airflow.sdk import Asset, AssetOrTimeSchedule, CronTriggerTimetable, dag, get_current_context, task

from medsupply import schedule


@dag(
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("15 6 * * *", timezone=schedule.TIMEZONE), assets=Asset(schedule.WAREHOUSE)
    ),
    start_date=pendulum.datetime(2026, 1, 1, tz=schedule.TIMEZONE),
    catchup=False,
    max_active_runs=1,
    default_args=schedule.DEFAULT_ARGS,
    params=schedule.PARAMS,
    doc_md=__doc__,
    tags=["picture"],
)
def update_picture() -> None:
    @task
    def correct() -> list[str]:
        """Pictures of the two weeks before that late files have changed."""
        from medsupply import flow

        params = get_current_context()["params"]
        with schedule.warehouse() as wh:
            return [str(day) for day in flow.correct(wh, schedule.as_of(params), schedule.known_at(params))]

    @task
    def measure() -> str:
        from medsupply import flow

        params = get_current_context()["params"]
        with schedule.warehouse() as wh:
            return str(flow.measure(wh, schedule.as_of(params), schedule.known_at(params)))

    @task(outlets=[Asset(schedule.PICTURE)])
    def judge() -> str:
        from medsupply import flow

        params = get_current_context()["params"]
        with schedule.warehouse() as wh:
            return flow.summary(flow.judge(wh, schedule.as_of(params), schedule.known_at(params)))

    correct() >> measure() >> judge()


update_picture()
