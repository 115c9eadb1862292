"""What the processes of the core share: how they read their settings, and how they end at a signal."""

import signal
import sys
import threading

from rayjobs import log
from rayjobs.errors import SettingsError
from rayjobs.settings import Settings

START_AGAIN = 1
"""Exit status: the process can't go on, and a new one can."""
SETTINGS_UNUSABLE = 3
"""Exit status: a setting can't be used; a new process would end in the same way."""


def stop_at_signals() -> threading.Event:
    """Return an event that SIGTERM and SIGINT set."""
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    return stop


def read_settings() -> Settings:
    """Return the settings; where one can't be used, log why and end this process."""
    try:
        return Settings.read()
    except SettingsError as error:
        log.leaving("rayjobs", error)
        sys.exit(SETTINGS_UNUSABLE)
