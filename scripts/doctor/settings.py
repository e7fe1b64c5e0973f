"""Checks of the settings, which need no server."""

import platform
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from dotenv import dotenv_values

from config.settings import Settings, load_settings
from infrastructure.environment import secret_variables
from infrastructure.server.launcher import warn_if_open
from scripts.doctor.findings import Finding, findings_of_start

SETTINGS = "Settings"
LIKENESS = 0.85  # POSTGRES_HOSTS is like POSTGRES_HOST; names of compose variables are like no setting


def checked_settings() -> tuple[Settings | None, list[Finding]]:
    """Return the settings, or None and a finding for each wrong one."""
    try:
        settings = load_settings()
    except SystemExit as error:
        remedy = "Correct it in .env or in the environment; .env.example explains all settings."
        return None, [Finding(SETTINGS, "values", "failed", line, remedy) for line in str(error.code).splitlines()]
    chosen = len(settings.model_fields_set)
    detail = f"{chosen} of {len(Settings.model_fields)} settings chosen, all valid; Python {platform.python_version()}"
    return settings, [Finding(SETTINGS, "values", "ok", detail)]


def setting_findings(settings: Settings) -> Iterator[Finding]:
    yield from misspelt(Path(".env"))
    without_banner = settings.model_copy(update={"log_format": "json"})
    yield from findings_of_start(SETTINGS, "access", lambda: warn_if_open(without_banner), access_of(settings))


def misspelt(file: Path) -> Iterator[Finding]:
    """Yield a warning for each name in the file that is nearly that of a setting: the service ignores it."""
    known = {
        *(name.upper() for name in Settings.model_fields),
        *(f"{name}_FILE" for name in secret_variables(Settings.model_fields)),
    }
    known |= {"PORT", "WEB_CONCURRENCY"}
    for name in dotenv_values(file) if file.exists() else ():
        meant = get_close_matches(name.upper(), known, 1, LIKENESS)
        if meant and name.upper() not in known:
            yield Finding(SETTINGS, "names", "warning", f"{file}: {name} is no setting", f"Write {meant[0]}.")


def access_of(settings: Settings) -> str:
    if settings.auth_mode == "none":
        return "AUTH_MODE is none, and only this machine can reach the service"
    return f"AUTH_MODE is {settings.auth_mode}"
