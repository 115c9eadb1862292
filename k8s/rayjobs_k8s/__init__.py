"""The deployment to Kubernetes: plain manifests, rendered and rolled out. Knows no application code.

deploy     from an empty cluster to a system that is ready, and back
scaling    the worker group: who decides its size, and how it stands
cluster    the only door to a cluster's API server
objects    an object of Kubernetes as it is written and read, and its name
names      what manifests, commands and settings must agree on
errors     what can stop a deployment, each with its remedy
deadline   one budget of time for many waits
progress   how a deployment reports its progress
forward    a process that forwards ports of this machine to pods, again and again
manifests  the objects, in the order of their application; `overlays` change a few values of them, `addons`
           holds what others publish
"""
