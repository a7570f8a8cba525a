"""Evaluate the alerts of the newest picture and hand over the mails that are due.

State, event and outbox are one transaction; evaluating twice changes nothing. Runs when forecasts are judged,
and by the clock, so that a mail waits for nothing but the relay. The digest of the day before goes out from its
hour (MEDSUPPLY_DIGEST_HOUR); a run that is asked for a moment writes it at once.
"""

import pendulum
from airflow.sdk import Asset, AssetOrTimeSchedule, CronTriggerTimetable, dag, get_current_context, task

from medsupply import schedule


@dag(
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("*/5 * * * *", timezone=schedule.TIMEZONE), assets=Asset(schedule.FORECASTS)
    ),
    start_date=pendulum.datetime(2026, 1, 1, tz=schedule.TIMEZONE),
    catchup=False,
    max_active_runs=1,
    default_args=schedule.DEFAULT_ARGS,
    params=schedule.PARAMS,
    doc_md=__doc__,
    tags=["alerts"],
)
def send_alerts() -> None:
    @task
    def evaluate() -> str:
        from medsupply import flow

        params = get_current_context()["params"]
        with schedule.warehouse() as wh:
            return str(flow.evaluate(wh, schedule.as_of(params), schedule.known_at(params)))

    @task
    def digest() -> str:
        from medsupply import flow

        params = get_current_context()["params"]
        with schedule.warehouse() as wh:
            day, moment = schedule.as_of(params), schedule.known_at(params)
            write = flow.digest if params["known_at"] else flow.morning_digest
            weekly = write(wh, day, at=moment, weekly=True) if day.isoweekday() == schedule.WEEK_ENDS else ""
            return f"{write(wh, day, at=moment)} {weekly}".strip()

    @task(trigger_rule="all_done")
    def send() -> str:
        from medsupply import flow

        with schedule.warehouse() as wh:
            return str(flow.send(wh, clock=schedule.now, drain=False))

    evaluate() >> digest() >> send()


send_alerts()
