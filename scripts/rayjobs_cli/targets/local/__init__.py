"""The embedded stack: Redis, Ray, dispatcher, agent and API on this machine, under one supervisor.

plan         what to run and where, decided once: ports, secrets, folders
state        the file that records what runs; deploy and supervisor share nothing else
services     each process of a plan: command, environment, what it needs, when it is ready
logs         their log files; `ray_folder` Ray's own, by a path that is short enough
readiness    checks whether a process is ready
processes    finds and ends processes of a stack, and never others
detached     starts programs that outlive the command
unit         starts, checks and restarts one service
supervisor   the process that holds the units
stack        deploys and ends a stack: the functions that commands call
"""
