"""The commands that a user types: the scripts of a clone, and the installed command `rayjobs`.

main         the command `rayjobs`
commands     one module a command
development  commands that only a clone has: checks, locks, the gallery
load_test    a run from purge to verdict, and its report
chaos        one batch undisturbed and under every fault at once, compared
benchmark    speed, compared with programs that a user could write instead
targets      a system that runs, on this machine or on a cluster, and the client of its API
setup        prepares a command: `.venv` from the lock; standard library only
arguments    the arguments that several commands share
console      what a command prints for people
exit_status  how a command ends, and the error that stops it
polling      waits until a condition is true, with a limit
"""
