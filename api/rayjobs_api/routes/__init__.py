"""The routes: each parses, calls the core once, and answers."""
