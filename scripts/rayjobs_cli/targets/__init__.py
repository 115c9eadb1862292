"""A system that runs, wherever it does.

local       this machine: Redis, Ray, dispatcher, agent and API under one supervisor
cluster     a Kubernetes cluster
running     where a system is, and how people and programs are told of it
connection  finds the system that a command is meant for
client      speaks to it over HTTP
observe     what a target tells of its worker group
variables   the settings of the user's environment: each holds in what a command starts, or is refused by name

In: a state directory or a kubeconfig's context. Out: a client, addresses, processes.
"""
