"""Agreement of human coders with each other and with the machine.

Everything works on two tables, the codes and the units of time that each coder has looked at; the
machine is a coder like any other. All coefficients are computed from sums over participants, so
that the bootstrap draws participants, never single moments.
"""
