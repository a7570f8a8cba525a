"""Tables of the alerts: evaluations, states, events, outbox, subscriptions, decisions, scores; and the views."""

from __future__ import annotations

import dataframely as dy

from medsupply.tables.base import Table, View, count, day, flag, moment, number, text, texts

STATES = ("open", "acknowledged", "easing", "silenced", "closed")
KINDS = ("alert", "resolved", "digest", "confirmation", "operations")


class Evaluations(dy.Schema):
    as_of = day("Report day that was evaluated", primary_key=True)
    known_at = moment("Moment of the picture that was evaluated last for the day")
    rules_version = text("Version of the rules file")
    held = flag("Too many changes at once: mails wait for a person")
    released_at = moment("When a person released them", nullable=True)
    content = text("Content of that picture: made again under the same moment, it is evaluated again", nullable=True)


class States(dy.Schema):
    alert_id = text("Alert: rule, medicine, area and number of the episode", primary_key=True)
    rule = text("Rule")
    medicine_id = text("Family (or medicine, source, service for data alerts)")
    county_code = text("Area")
    episode = count("Number of the episode in this scope", "episode")
    level = text("Level of the alert: rises at once, falls slowly", nullable=True)
    state = text("open, easing or closed")
    opened_on = day("Report day of the opening")
    changed_on = day("Report day of the last change")
    closed_on = day("Report day of the closing", nullable=True)
    opening_p56 = number("run_out_p56 at the opening", "probability", nullable=True)
    quiet = count("Evaluations running that spoke for closing", "evaluations")
    flapping = flag("Went up and down three times or more in 14 days: digest only")
    reasons = texts("Codes of the reasons on the last day that gave any")
    lower = count("Evaluations running with a lower level", "evaluations", nullable=True)
    last_stock = number("Stock of the last evaluated day, to tell whether new counts came", "units", nullable=True)
    told = text("Highest level that mails were written for; empty: none yet", nullable=True)
    told_closed = flag("The end has been told", nullable=True)
    held = flag("Its mails wait for a person, since too much changed at once", nullable=True)
    told_flapping_on = day("Day of the rise whose mail said that it goes up and down", nullable=True)


class Events(dy.Schema):
    alert_id = text("Alert", primary_key=True)
    on = day("Report day", primary_key=True)
    transition = text("opened, raised, lowered or closed", primary_key=True)
    level = text("Level after it", nullable=True)
    known_at = moment("Moment of the picture that showed it")
    rules_version = text("Version of the rules file")
    reasons = texts("Codes of the reasons")
    withdrawn_at = moment("Moment of the picture that took it back: later data about past days", nullable=True)
    version = count(
        "Which picture of the day gave it: 1, and one more for each that gave it another level or reasons",
        primary_key=True,
    )


class Outbox(dy.Schema):
    message_id = text("Message-ID: the same at every try", primary_key=True)
    alert_id = text("Alert; the digest's own name for a digest")
    episode = count("Episode", "episode", nullable=True)
    alert_ids = texts("Every alert the mail is about: areas of one family share a mail", nullable=True)
    recipient = text("Address")
    language = text("fi, sv or en")
    kind = text("alert, resolved, digest, confirmation or operations")
    as_of = day("Report day", nullable=True)
    subject = text("Subject")
    body_text = text("Text part; empty: gone by retention", nullable=True)
    body_html = text("HTML part; empty: gone by retention", nullable=True)
    thread = text("Message-ID of the episode's first message to this recipient", nullable=True)
    status = text("queued, sent or failed")
    created_at = moment("When it was written")
    due_at = moment("When it may be tried")
    sent_at = moment("When the relay took it", nullable=True)
    attempts = count("Tries", "tries")
    last_error = text("What the relay said last", nullable=True)
    level = text("Level of the alert that it tells", nullable=True)
    rota = text("In office hours only; outside them a severe alert goes to who is on duty in this rota", nullable=True)
    waits = flag("Not before due_at, though never tried: it waits for office hours", nullable=True)
    stands_in = flag("To a deputy, operations or who is on duty: no subscription that could be ended", nullable=True)
    requeued_at = moment("When a person queued it again; ops.audit says who and why", nullable=True)


class Attempts(dy.Schema):
    message_id = text("Message", primary_key=True)
    number = count("Try", "try", primary_key=True)
    at = moment("When")
    outcome = text(
        "sent, later, refused, denied: by a policy or with all others, or down: the relay, TLS or login, for every mail"
    )
    detail = text("What the relay said", nullable=True)


class Subscriptions(dy.Schema):
    subscription_id = text("Hash of what is subscribed", primary_key=True)
    address = text("Mail address")
    language = text("fi, sv or en")
    role = text("Role whose actions the mail names", nullable=True)
    level = text("Lowest level")
    county_code = text("Area", nullable=True)
    atc_prefix = text("Beginning of the ATC code", nullable=True)
    medicine_id = text("Medicine or family", nullable=True)
    form_class = text("Form class", nullable=True)
    digest = flag("One mail a day instead of at once")
    deputy = text("Who is told when nobody acknowledges in time, or when this address is dead", nullable=True)
    created_at = moment("When it was asked for")
    confirmed_at = moment("When it was confirmed", nullable=True)
    ended_at = moment("When it ended", nullable=True)
    rota = text("Mails in office hours only; outside them a severe alert goes to who is on duty here", nullable=True)


class Duties(dy.Schema):
    duty_id = text("Hash of rota, address and time", primary_key=True)
    rota = text("Rota")
    address = text("Who is on duty")
    starts_at = moment("From")
    ends_at = moment("Until")
    author = text("Who has said so")


class Beats(dy.Schema):
    part = text("Part of the service", primary_key=True)
    at = moment("When it last did its work, by its own clock")


class Acknowledgements(dy.Schema):
    alert_id = text("Alert", primary_key=True)
    at = moment("When", primary_key=True)
    owner = text("Who has taken it on")
    note = text("What is being done")
    level = text("Level at that time: lapses when it rises", nullable=True)
    expires_at = moment("When it runs out")


class Silences(dy.Schema):
    silence_id = text("Hash of matcher, author and time", primary_key=True)
    medicine_id = text("Family or medicine", nullable=True)
    county_code = text("Area", nullable=True)
    rule = text("Rule", nullable=True)
    author = text("Who")
    reason = text("Why")
    starts_at = moment("From")
    ends_at = moment("Until")
    level = text("Highest level of what it silences; above it mails go out. Empty: every level", nullable=True)


class Scores(dy.Schema):
    rule = text("Rule", primary_key=True)
    grouping = text("all, or a criticality class", primary_key=True)
    as_of = day("Last report day that was scored", primary_key=True)
    episodes = count("Episodes that ended", "episodes")
    true_episodes = count("With an event in (opened_on, closed_on]", "episodes")
    false_episodes = count("Without one", "episodes")
    averted = count("Supply arrived that was not announced at opening", "episodes")
    left_out = count("Without known end, or unknown on over a quarter of their days", "episodes")
    events = count("First day at or below the floor after 28 or more days above it", "events")
    warned = count("Events before which an episode was open", "events")
    recall = number("warned / events", "share 0-1", nullable=True)
    precision = number("true / (true + false)", "share 0-1", nullable=True)
    warned_28 = count("Events with a lead of 28 days or more", "events", nullable=True)
    median_lead_days = number("Median of event - opened_on", "days", nullable=True)
    false_per_100_years = number(
        "False episodes per 100 medicine-years above the floor", "per 100 years", nullable=True
    )
    base_rate_per_100_years = number("Events per 100 medicine-years", "per 100 years", nullable=True)


EVALUATIONS = Table("alerts", "evaluations", Evaluations, "Which report days were evaluated, and on which picture")
STATE = Table(
    "alerts", "state", States, "Every episode of every alert, as the evaluations give it", indexes=(("medicine_id",),)
)
EVENT = Table("alerts", "event", Events, "Transitions of alerts")
OUTBOX = Table(
    "alerts",
    "outbox",
    Outbox,
    "Mails, written in the transaction of what they tell",
    classification="restricted",
    indexes=(("status", "due_at"),),
)
ATTEMPT = Table("alerts", "attempt", Attempts, "Every try to hand a mail over", classification="restricted")
SUBSCRIPTION = Table("alerts", "subscription", Subscriptions, "Who gets which mails", classification="restricted")
DUTY = Table("alerts", "duty", Duties, "Who is on duty outside office hours, by rota", classification="restricted")
BEAT = Table("alerts", "beat", Beats, "When parts of the service were last alive")
ACKNOWLEDGEMENT = Table(
    "alerts", "acknowledgement", Acknowledgements, "Who has taken an alert on, and what is being done"
)
SILENCE = Table("alerts", "silence", Silences, "Alerts that give no mail for a time; never deleted")
SCORE = Table("alerts", "score", Scores, "How past alerts turned out")
TABLES: tuple[Table, ...] = (
    EVALUATIONS, STATE, EVENT, OUTBOX, ATTEMPT, SUBSCRIPTION, DUTY, BEAT, ACKNOWLEDGEMENT, SILENCE, SCORE,
)  # fmt: skip


def rose_since(moment: str, until: str = "'infinity'") -> str:
    """SQL: whether the level of the alert ``k`` has risen on a report day after that of ``moment``, up to ``until``."""
    return f"""EXISTS (
        SELECT 1 FROM alerts.event r WHERE r.alert_id = k.alert_id AND r.transition = 'raised'
          AND r.withdrawn_at IS NULL AND r."on" > ({moment} AT TIME ZONE 'Europe/Helsinki')::date
          AND r."on" <= {until})
    """  # noqa: S608  moment is a column


def _rank(row: str) -> str:
    return f"coalesce(array_position(ARRAY['watch', 'elevated', 'severe'], {row}.level::text), 0)"


def in_hand(at: str) -> str:
    """SQL: whether somebody has the alert ``s`` in hand at the moment ``at`` by the acknowledgement ``k``: until it
    runs out, and while the level has not risen, above the one that was taken on or anew."""
    return f"""
        k.alert_id = s.alert_id AND k.expires_at > {at} AND NOT {rose_since("k.at")}
        AND {_rank("s")} <= {_rank("k")}
    """


def silences(at: str) -> str:
    """SQL: whether the silence ``i`` holds back the mails of the alert ``s`` at the moment ``at``."""
    return f"""
        i.starts_at <= {at} AND i.ends_at > {at} AND coalesce(i.medicine_id, s.medicine_id) = s.medicine_id
        AND coalesce(i.county_code, s.county_code) = s.county_code AND coalesce(i.rule, s.rule) = s.rule
        AND (i.level IS NULL OR {_rank("s")} <= {_rank("i")})
    """


# Episodes as people see them; who may see which is up to what stands after it.
EPISODES = f"""
    SELECT s.alert_id, s.rule, s.medicine_id, s.county_code, s.episode, s.level,
           CASE WHEN s.state = 'closed' THEN 'closed' WHEN q.silence_id IS NOT NULL THEN 'silenced'
                WHEN s.state = 'open' AND a.alert_id IS NOT NULL THEN 'acknowledged' ELSE s.state END AS state,
           s.opened_on, s.changed_on, s.closed_on,
           array_replace(s.reasons, 'obligation_short', 'restricted') AS reasons, s.flapping, a.owner, a.note
    FROM alerts.state s
    LEFT JOIN LATERAL (
        SELECT k.alert_id, k.owner, k.note FROM alerts.acknowledgement k
        WHERE {in_hand("now()")}
        ORDER BY k.at DESC LIMIT 1) a ON true
    LEFT JOIN LATERAL (
        SELECT i.silence_id FROM alerts.silence i
        WHERE {silences("now()")}
        LIMIT 1) q ON true
"""  # noqa: S608  the part stands above
VIEWS: tuple[View, ...] = (
    View(
        "alerts",
        f"{EPISODES} WHERE s.rule <> 'obligation'",
        "Alerts by episode: what is open, since when, why, and who has taken it on; alerts on obligatory storage are "
        "for Fimea and the ministry only and not inside",
        columns={
            "state": "open, acknowledged, easing, silenced (no mails for now) or closed",
            "owner": "Who has taken it on",
            "note": "What is being done",
        },
        tables=(STATE,),
    ),
    View(
        "notifications",
        """
        SELECT message_id, alert_id, episode,
               left(recipient, 1) || '***@' || split_part(recipient, '@', 2) AS recipient,
               language, kind, status, created_at, sent_at, attempts, as_of, subject, requeued_at
        FROM alerts.outbox
        """,
        "Mails: what kind, about which alert, whether the relay took them; recipients are masked",
        columns={"recipient": "Address, masked"},
        tables=(OUTBOX,),
    ),
    View(
        "alert_scores",
        "SELECT * FROM alerts.score",
        "How past alerts turned out: true, false, averted; recall, precision, lead, with the base rate beside",
        tables=(SCORE,),
    ),
)
