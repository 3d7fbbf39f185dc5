"""Analyses of behaviour and activity: trial tables and arrays in, tidy tables out.

Whoever behaved, the same function is applied: analyses of behaviour check the table that they are given
(`pfc_metarl.trials.check_trials`), and group by the columns group and subject. The names of what a table holds stand
beside the function that makes it.
"""
