"""Settings of the service, read from the environment and from `.env`: one file for each subject."""

from config.settings.combined import Settings
from config.settings.loading import inherit_settings, load_settings

__all__ = ["Settings", "inherit_settings", "load_settings"]
