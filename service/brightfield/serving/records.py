"""Names and numbers on which a supervisor and its workers agree."""

FLIGHTS = "flights"
"""The file of `runtime.flights`, in the folder of the records."""
QUARANTINE = "quarantine.json"
"""The file of `runtime.quarantine`."""
CRASH = "crash.txt"
"""Where `faulthandler` writes the stacks of a process that dies."""

WRONG = 2
"""The exit code of a worker that has said what is wrong with its settings or its store."""
RESTART = 75
"""The exit code of a worker that wants to be started again (EX_TEMPFAIL)."""
