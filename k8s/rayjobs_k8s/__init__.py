"""The deployment to Kubernetes: plain manifests, rendered and rolled out. Knows no application code.

document       an object as it is written and read, and its name; `errors`, each with its remedy
names          what manifests, commands and settings must agree on
manifests      the objects, in the order of their application; `overlays` change a few values of them
render         manifests and values -> objects, pure
kuberay        the operator's own manifests: fetched and checked, or of a folder; `kustomize` builds them
raycluster     what may be changed of a RayCluster that lives, pure
cluster        the only door to a cluster's API server
outlook        what an object still waits for, and why a pod does not start, pure
applying       objects made what they should be, and taken away
waiting        until objects are ready, or why they are not; `deadline` is what is left of the time
prerequisites  metrics and KubeRay, installed where there are none
rollout        from an empty cluster to a system that is ready
teardown       and back
floor          where the floor of a worker group belongs, pure; `scaler` keeps it there, in a pod of its own
standing       how the worker group stands; `observe` reads it, `growth` tells who added which pod, pure
forward        a process that leads ports of this machine to pods, again and again
"""
