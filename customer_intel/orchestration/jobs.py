"""The night as one job, its schedule, and who hears of a failure."""

import json
import smtplib
import urllib.request
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import dagster as dg

from customer_intel.orchestration import nights
from customer_intel.orchestration.runs import NIGHTLY, root_cause
from customer_intel.settings import Settings


def nightly_job() -> Any:
    return dg.define_asset_job(
        NIGHTLY,
        selection=dg.AssetSelection.all(),
        description="One whole night: raw exports to gated tables and one atomic release.",
        executor_def=dg.in_process_executor,
    )


def nightly_schedule(settings: Settings, job: Any) -> dg.ScheduleDefinition:
    @dg.schedule(
        name="nightly_schedule",
        cron_schedule=settings.cron,
        job=job,
        execution_timezone="UTC",
        default_status=(
            dg.DefaultScheduleStatus.RUNNING if settings.schedule_running else dg.DefaultScheduleStatus.STOPPED
        ),
        description="Every night; the run's date is the day it fires (exports of that day and all missed ones).",
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        return dg.RunRequest(partition_key=context.scheduled_execution_time.date().isoformat())

    return schedule


def failure_sensor(settings: Settings) -> dg.SensorDefinition:
    @dg.run_failure_sensor(
        name="alert_on_failure",
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells Slack or e-mail which gate closed or step failed; silent when neither is configured.",
    )
    def sensor(context: dg.RunFailureSensorContext) -> Iterator[dg.SkipReason] | None:
        text = failure_text(context, settings.ui_url)
        if settings.alert_slack_webhook:
            post_to_slack(settings.alert_slack_webhook.get_secret_value(), text)
        if settings.alert_email_to:
            send_mail(settings, text)
        return None

    return sensor


def failure_text(context: dg.RunFailureSensorContext, ui_url: str) -> str:
    """What happened, for which date, where to look: the steps' own reasons, which hold no personal value."""
    run = context.dagster_run
    night = run.tags.get(nights.AS_OF) or run.tags.get(nights.PARTITION) or "?"
    lines = [f"Customer Intel: the night of {night} did not publish; last night's release stays."]
    for event in context.get_step_failure_events():
        error = event.step_failure_data.error
        failure = event.step_failure_data.user_failure_data
        reason = (failure.description if failure else None) or (error.message if error else "no reason given")
        lines.append(f"• {event.step_key}: {str(reason).strip().splitlines()[0][:500]}")
    if len(lines) == 1:
        lines.append(f"• {root_cause(context.failure_event).splitlines()[0][:500]}")
    lines.append(f"{ui_url}/runs/{run.run_id}")
    return "\n".join(lines)


def post_to_slack(webhook: str, text: str) -> None:
    if not webhook.startswith("https://") and not webhook.startswith("http://127.0.0.1"):
        raise ValueError("CUSTOMER_INTEL_ALERT_SLACK_WEBHOOK must be an https address")
    request = urllib.request.Request(  # noqa: S310 (scheme checked above)
        webhook, data=json.dumps({"text": text}).encode(), headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=20):  # noqa: S310
        pass


def send_mail(settings: Settings, text: str) -> None:
    message = EmailMessage()
    message["Subject"] = text.splitlines()[0]
    message["From"] = settings.alert_email_from
    message["To"] = settings.alert_email_to
    message.set_content(text)
    with smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=20) as server:
        if settings.smtp_user and settings.smtp_password:
            server.starttls()
            server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
        server.send_message(message)
