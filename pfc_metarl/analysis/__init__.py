"""Analyses of behaviour and activity: trial tables and arrays in, tidy tables out.

A trial table has one row per trial and the columns subject, session, trial (from 1), and those of its task.
"""
