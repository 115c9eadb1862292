"""The outside of the core: one file for each thing that answers a port."""
