"""The embedded stack: Redis, Ray, dispatcher, agent and API on this machine, under one supervisor.

plan         what to run and where, decided once: ports, secrets, folders
state        the file that says what runs; the only thing that deploy and supervisor share
services     each process of a plan: command, environment, what it needs, when it is ready
logs         their log files; `ray_folder` Ray's own, by a path that is short enough
readiness    the questions that tell whether a process is ready
processes    find and end processes, never somebody else's
detached     programs of ours that outlive the command that starts them
unit         one process under supervision: started, watched, restarted
supervisor   the process that holds the units
stack        deploy and down: what the commands call
"""
