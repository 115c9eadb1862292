"""One batch twice: undisturbed, and under every fault at once.

faults  what happens to the second one, and what is then equal
poison  a picture that ends the process that decodes it

In: a running system. Out: a table of what was compared.
"""
