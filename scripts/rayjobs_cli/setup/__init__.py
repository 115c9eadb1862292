"""Prepares a command: `.venv` from the lock. Standard library only.

bootstrap    starts a command inside its environment
environment  checks `.venv`, and makes or updates it
installer    installs a lock, and the project, with uv or pip
progress     shows how a long preparation goes, on a terminal or in a log

In: any Python from 3.11. Out: the command, started again in `.venv`.
"""
