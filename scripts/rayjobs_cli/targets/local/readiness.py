"""Checks whether a process is ready: short functions that never raise, called again and again."""

import socket
from typing import Any

import redis
import requests

from rayjobs_cli.targets.local.plan import LOOPBACK

_ANSWER_S = 2.0
"""An answer that takes longer counts as none; the caller checks again."""


def redis_answers(url: str) -> bool:
    """Return whether Redis lets us in and answers a PING."""
    try:
        with redis.Redis.from_url(url, socket_timeout=_ANSWER_S, socket_connect_timeout=_ANSWER_S) as client:
            return bool(client.ping())
    except (redis.RedisError, OSError, ValueError):
        return False


def listens(port: int) -> bool:
    """Return whether something accepts connections on a port of the loopback interface."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=_ANSWER_S).close()
    except OSError:
        return False
    return True


def answers(url: str) -> bool:
    """Return whether a GET is answered with 200."""
    response = _get(url)
    return response is not None and response.ok


def document(url: str, api_key: str | None = None) -> dict[str, Any]:
    """Return the JSON object at a URL, of any status; empty when there is none."""
    response = _get(url, {"Authorization": f"Bearer {api_key}"} if api_key else {})
    try:
        found = response.json() if response is not None else None
    except requests.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _get(url: str, headers: dict[str, str] | None = None) -> requests.Response | None:
    try:
        with requests.Session() as session:
            session.trust_env = False  # a proxy of the environment is not for this machine
            return session.get(url, headers=headers, timeout=_ANSWER_S)
    except requests.RequestException:
        return None
