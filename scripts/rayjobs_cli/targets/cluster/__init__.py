"""The target `k8s` as the commands see it: from a context of the kubeconfig to addresses on this machine.

context      whether a context may be deployed to, and which size fits it
images       the container images: their names by content, built and brought to the nodes
ports        the process that leads ports of this machine into the cluster
state        the file that says what was deployed where, with the keys to it
deployment   deploy, find and take down: what the commands call
"""
