"""The commands that a user types. The scripts of a clone are doors to them; `rayjobs` is the installed one.

main         the command `rayjobs`
commands     one module a command
development  commands that only a clone has: checks, locks, the gallery
load_test    a run from purge to verdict, and its report
chaos        a batch under every fault at once, compared with an undisturbed one
benchmark    speed against what a user would write instead
targets      a system that runs, on this machine or on a cluster, and the client that speaks to it
setup        puts a command on its feet: `.venv` from the lock; standard library only
arguments    what the command lines have in common
console      what a command says to people
exit_status  how a command ends
polling      waits for something to come true, with a limit
"""
