"""Systems that run, on this machine or on a cluster.

local       this machine: Redis, Ray, dispatcher, agent and API under one supervisor
cluster     a Kubernetes cluster
target      a system that runs: its addresses, for people and for programs
connection  finds the system that a command uses
client      calls the API of a system over HTTP
observe     the type of the function that reads a worker group
variables   the settings of the user's environment: each holds in what a command starts, or is refused by name

In: a state directory or a kubeconfig's context. Out: a client, addresses, processes.
"""
