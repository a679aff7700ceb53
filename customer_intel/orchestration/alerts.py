"""Who hears of a night that did not publish, and what they are told."""

import json
import re
import smtplib
import urllib.request
from collections.abc import Iterator
from email.message import EmailMessage

import dagster as dg

from customer_intel.core.store.lake import Lake
from customer_intel.core.store.night_rows import rows_of_night
from customer_intel.orchestration import nights
from customer_intel.settings import Settings


def failure_sensor(settings: Settings) -> dg.SensorDefinition:
    """The sensor that tells of a night that did not publish."""

    @dg.run_failure_sensor(
        name="alert_on_failure",
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Tells Slack or e-mail which gate closed or step failed; silent when neither "
            "is configured."
        ),
    )
    def sensor(context: dg.RunFailureSensorContext) -> Iterator[dg.SkipReason] | None:
        tell(settings, failure_text(context, settings.ui_url))
        return None

    return sensor


def stale_sensor(settings: Settings) -> dg.SensorDefinition:
    """The sensor that tells of a night that published with a source at fault or not of tonight."""

    @dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.SUCCESS,
        name="alert_on_stale_source",
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Tells Slack or e-mail which source is held back or late in a night that published; "
            "silent when neither is configured, or when every source is current."
        ),
    )
    def sensor(context: dg.RunStatusSensorContext) -> Iterator[dg.SkipReason] | None:
        if text := stale_text(context.dagster_run, settings):
            tell(settings, text)
        return None

    return sensor


def tell(settings: Settings, text: str) -> None:
    """Sends the text to whom the home names; to nobody by default."""
    if settings.alert_slack_webhook:
        post_to_slack(settings.alert_slack_webhook.get_secret_value(), text)
    if settings.alert_email_to:
        send_mail(settings, text)


def stale_text(run: dg.DagsterRun, settings: Settings) -> str:
    """Each source that is not of tonight, since when, and why; empty when there is none."""
    night = run.tags.get(nights.AS_OF) or run.tags.get(nights.PARTITION) or ""
    if not (lines := stale_sources(Lake(settings.home_dir), night)):
        return ""
    head = f"Customer Intel: the night of {night} was published without news of every source."
    return "\n".join([head, *lines, f"{settings.ui_url}/runs/{run.run_id}"])


def stale_sources(lake: Lake, night: str) -> list[str]:
    """A line for each source that the night (YYYY-MM-DD) reads as an earlier one did, or left out."""
    return [
        f"• {row['source_system']}: {row['state'].replace('_', ' ')}"
        + (f" since {row['stale_since']}" if row["stale_since"] else "")
        + f": {str(row['reason'] or '')[:500]}"
        for row in rows_of_night(lake, "source_state", night)
        if row["state"] in ("held", "late") or row["is_failed"]
    ]


def failure_text(context: dg.RunFailureSensorContext, ui_url: str) -> str:
    """What happened, for which date, where to look: the steps' own reasons, which hold no personal
    value.
    """
    run = context.dagster_run
    night = run.tags.get(nights.AS_OF) or run.tags.get(nights.PARTITION) or "?"
    lines = [
        f"Customer Intel: the night of {night} did not publish; what was published before stays."
    ]
    for event in context.get_step_failure_events():
        error = event.step_failure_data.error
        failure = event.step_failure_data.user_failure_data
        reason = (failure.description if failure else None) or (
            error.message if error else "no reason given"
        )
        lines.append(f"• {event.step_key}: {str(reason).strip().splitlines()[0][:500]}")
    if len(lines) == 1:
        lines.append(f"• {root_cause(context.failure_event).splitlines()[0][:500]}")
    lines.append(f"{ui_url}/runs/{run.run_id}")
    return "\n".join(lines)


def post_to_slack(webhook: str, text: str) -> None:
    """Posts the text to a webhook. Raises ValueError for an address that is not https."""
    if not webhook.startswith("https://") and not webhook.startswith("http://127.0.0.1"):
        raise ValueError("CUSTOMER_INTEL_ALERT_SLACK_WEBHOOK must be an https address")
    request = urllib.request.Request(  # noqa: S310 (scheme checked above)
        webhook,
        data=json.dumps({"text": text}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20):  # noqa: S310
        pass


def send_mail(settings: Settings, text: str) -> None:
    """Sends the text; its first line is the subject."""
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


def root_cause(event: dg.DagsterEvent) -> str:
    """What a run that ended before or between its steps says of itself, without the stack."""
    error = event.job_failure_data.error
    while error and error.cause:
        error = error.cause
    said = (error.message if error else event.message or "no reason given").strip()
    # Of our own exceptions the message says it all.
    return re.sub(r"^customer_intel[\w.]+: ", "", said)


def ended_by(event: dg.DagsterEvent, kind: type[Exception]) -> bool:
    """Whether an exception of that kind made a step, or a run outside its steps, fail."""
    data = event.step_failure_data if event.is_step_failure else event.job_failure_data
    error = data.error
    names = []
    while error:
        names.append(error.cls_name)
        error = error.cause
    return kind.__name__ in names
