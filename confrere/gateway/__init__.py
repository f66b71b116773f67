"""The gateway at a hospital: takes images and messages in, sends them on to the centre.

It needs no PostgreSQL. What it acknowledged is on its own disk, synced, until the centre has
answered with the digest that it made durable.
"""
