"""The size of the worker group: who decides it, and its status.

scaler          a process of its own: sets `minReplicas` of the worker group to what the HPA asks for
min_replicas    computes that number, the patch and the status of the WorkerGroupScaler; pure
group_status    the status of the worker group at one moment; pure
observe         reads that status from a cluster
scaling_events  the events between two statuses: who added a pod, who removed one; pure

In: objects of the cluster. Out: one patched field; a status for people.
"""
