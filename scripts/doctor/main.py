"""`./shop doctor`: checks of the settings and of the servers, with remedies. It changes nothing."""

import asyncio
import sys
from collections.abc import Iterator

from infrastructure.servers import available_servers
from scripts.doctor import postgres, redis
from scripts.doctor.findings import Finding, show
from scripts.doctor.settings import SETTINGS, checked_settings, setting_findings
from scripts.output import waiting, write


def main(as_json: bool) -> None:
    """Print the findings. Exit with 1 if a check failed."""
    with waiting("Examining the shop"):
        findings = list(examine())
    is_healthy = all(finding.status != "failed" for finding in findings)
    if as_json:
        write(True, {"is_healthy": is_healthy, "findings": [finding._asdict() for finding in findings]}, "")
    else:
        show(findings)
    sys.exit(not is_healthy)


def examine() -> Iterator[Finding]:
    """Yield all findings. Servers that are not configured are the embedded ones, which are started if necessary."""
    settings, problems = checked_settings()
    yield from problems
    if settings is None:
        return
    yield from setting_findings(settings)
    try:
        with available_servers(settings, share=True) as complete:
            yield from postgres.findings(complete)
            yield from asyncio.run(redis.findings(complete))
    except SystemExit as error:  # the embedded servers do not start
        yield Finding(SETTINGS, "servers", "failed", str(error.code), f"Read the log in {settings.data_dir}.")
