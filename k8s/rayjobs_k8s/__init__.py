"""The deployment to Kubernetes: plain manifests, rendered and rolled out. It imports no application code.

deploy     from an empty cluster to a system that is ready, and back
scaling    the size of the worker group: who decides it, and its status
cluster    the client of a cluster's API server; nothing else calls one
objects    reads fields of Kubernetes objects; the name of an object
names      the names on which manifests, commands and settings agree
errors     the errors that stop a deployment, each with its remedy
deadline   one limit of time for several waits
progress   how a deployment reports its progress
forward    a process that forwards ports of this machine to pods
manifests  the objects, in the order in which they are applied; a file of `overlays` changes a few of their
           values; `addons` holds manifests of other projects
"""
