"""Forecast demand where a week is newly complete, then the run-out of the report day, then judge again.

One mapped task per shard of series; the shards give the same numbers however many there are. Only series with
new data are fitted again, so that an unchanged day takes seconds.
"""

import pendulum
from airflow.sdk import Asset, AssetOrTimeSchedule, CronTriggerTimetable, dag, get_current_context, task

from medsupply import schedule

SHARDS = 4
RUN_OUT_PROCESSES = 2


@dag(
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("30 6 * * *", timezone=schedule.TIMEZONE), assets=Asset(schedule.PICTURE)
    ),
    start_date=pendulum.datetime(2026, 1, 1, tz=schedule.TIMEZONE),
    catchup=False,
    max_active_runs=1,
    default_args=schedule.DEFAULT_ARGS,
    params=schedule.PARAMS,
    doc_md=__doc__,
    tags=["forecast"],
)
def update_forecasts() -> None:
    @task
    def shards() -> list[int]:
        return list(range(SHARDS))

    @task
    def fit(shard: int) -> str:
        from medsupply import flow

        params = get_current_context()["params"]
        day, moment = schedule.as_of(params), schedule.known_at(params)
        with schedule.warehouse() as wh:
            return str(flow.forecast_demand(wh, day, moment, workers=1, shard=(shard, SHARDS)))

    @task
    def run_out() -> str:
        from medsupply import flow

        params = get_current_context()["params"]
        with schedule.warehouse() as wh:
            day, moment = schedule.as_of(params), schedule.known_at(params)
            return str(flow.forecast_run_out(wh, day, moment, workers=RUN_OUT_PROCESSES))

    @task(outlets=[Asset(schedule.FORECASTS)])
    def judge() -> str:
        from medsupply import flow

        params = get_current_context()["params"]
        with schedule.warehouse() as wh:
            return flow.summary(flow.judge(wh, schedule.as_of(params), schedule.known_at(params)))

    fit.expand(shard=shards()) >> run_out() >> judge()


update_forecasts()
