"""The commands of customer-intel, by what they are about.

Belongs here: arguments, what is printed, exit codes. Not here: what a command does; it calls the
function that a program would call.
"""

from customer_intel.cli.app import app, main, program

__all__ = ["app", "main", "program"]
