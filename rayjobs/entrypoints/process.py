"""What the processes of the core have in common: they log, read their settings and end at a signal."""

import signal
import sys
import threading

from rayjobs import log
from rayjobs.errors import SettingsError
from rayjobs.settings import Settings

START_AGAIN = 1
"""Exit status: the process can't go on, and a new one can."""
SETTINGS_UNUSABLE = 3
"""Exit status: nothing starts until somebody changes a setting."""


def stop_at_signals() -> threading.Event:
    """Return an event that SIGTERM and SIGINT set."""
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    return stop


def read_settings() -> Settings:
    """Return the settings; a process whose settings can't be used says why and ends."""
    try:
        return Settings.read()
    except SettingsError as error:
        log.leaving("rayjobs", error)
        sys.exit(SETTINGS_UNUSABLE)
