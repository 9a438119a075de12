"""Stands in for the devices at the doors: what they put on the wire, and when.

Reading order: ``WIRE.md`` (the treaty with the gateway), ``device.py`` (one
channel's firmware), ``fleet.py`` (many of them in time order), ``scenario.py``
(the files that describe them), ``publish.py`` (the only file that meets a broker).
"""
