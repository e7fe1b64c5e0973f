"""Logging to the console, `app.log` and `error.log`: one line for each event, written by separate threads.

Several processes may write to the same files.
"""

from config.settings import Settings
from infrastructure.observability.log import LogFiles, install_log
from infrastructure.server.development import is_development

MAX_BYTES = 10 * 1024 * 1024
BACKUPS = 5


def configure_logging(settings: Settings) -> None:
    """Set up the logging of this process, parent or worker. A second call replaces the first setup."""
    files = LogFiles(settings.log_dir, MAX_BYTES, BACKUPS) if settings.log_to_file else None
    install_log(settings.log_level, settings.log_format, files, shows_details=not is_development())
