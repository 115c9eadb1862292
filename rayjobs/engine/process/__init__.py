"""The engine process: pictures are handled outside of the slot, which only supervises."""
