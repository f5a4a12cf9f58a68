"""The sandbox: processes of their own, without files, network or privileges, in which the code that users write is run.

A zygote per language is started on first use and forks a child per workspace; a child locks itself in (`jail`) before it reads anything.
"""
