"""Reference agents: they play the tasks themselves, and are led along what somebody else did.

The contract is `agent.ReferenceAgent`; `playing` has the two functions for all of them. NumPy alone.
"""
