"""The commands that a user types, and what they are made of."""
