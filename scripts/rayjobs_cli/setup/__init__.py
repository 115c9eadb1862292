"""Puts a command on its feet: `.venv` from the lock. Standard library only.

bootstrap    starts a command inside of its environment
environment  whether `.venv` is good, and how it becomes so
installer    installs a lock, and the project, with uv or pip
progress     how a long preparation goes, on a terminal or elsewhere
setup_error  how a command ends before it could begin

In: any Python from 3.11. Out: the command, started again in `.venv`.
"""
