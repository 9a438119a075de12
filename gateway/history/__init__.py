"""Readings kept for people and for what-if (I/O)."""
