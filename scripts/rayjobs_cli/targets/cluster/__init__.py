"""The target `k8s`: a system on a Kubernetes cluster, with addresses on this machine.

context      checks whether a context may be deployed to, and which size fits
images       names container images by content, builds them and loads them to the nodes
ports        runs the process that forwards ports of this machine to the cluster
state        the file that records what was deployed where, and its keys
deployment   deploys, finds and removes a system: the functions that commands call
"""
